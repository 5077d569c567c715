// How the table of settings is built: for the files of this room that read and print settings.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "app/units.h"
#include "base/result.h"

namespace weir::app {

// A setting: how it is read from text and shown as text. Immutable.
struct Option {
  std::string key;
  std::string help;
  std::function<Status(const std::string&, Config&)> set;  // of a list: adds one item
  std::function<std::string(const Config&)> show = {};     // empty for a list
  // For lists only.
  std::function<std::vector<std::string>(const Config&)> list = {};
  std::function<void(Config&)> clear = {};  // before the items of a later source; empty: they are added
  char separator = 0;                       // between the items in a variable; ',' on the command line too
  bool by_model = false;                    // items are NAME.SETTING=VALUE, which a file has as a map of maps
  ValueForm form = {};                      // of a value, or of an item of a list
  std::string rule = {};                    // how the default follows from the machine; empty when it does not
};

// The only list of settings, in the order of the reference. Built once.
const std::vector<Option>& Options();
const Option* FindOption(std::string_view key);
std::vector<std::string> Keys();
std::string EnvironmentName(const std::string& key);  // "server.port" -> "WEIR_SERVER_PORT"

// What one source says about one setting: a value, or the items of a list.
struct Assignment {
  struct Value {
    std::string text;
    std::string where;  // what an error begins with: "weir.yaml:3: server.port"
  };
  const Option* option = nullptr;
  std::vector<Value> values;
  std::string origin;  // as `weir config show --origin` prints it: "weir.yaml:3"
};

// Reads a YAML file. What cannot be used is added to `problems`, each with its line; the rest is returned.
// Blocks.
std::vector<Assignment> ReadConfigFile(const std::filesystem::path& file, std::vector<Error>& problems);

}  // namespace weir::app
