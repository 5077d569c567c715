// The flags that every command with settings takes.
#pragma once

#include <string>
#include <vector>

#include "app/config.h"

namespace CLI {
class App;
}

namespace weir::cli {

struct ConfigFlags {
  std::string file;
  std::string profile;
  std::vector<std::string> settings;  // KEY=VALUE
};

// Adds --config, --profile and --set; `flags` outlives the command.
void AddConfigFlags(CLI::App& command, ConfigFlags& flags);

// Ends the command when a --set is no KEY=VALUE.
app::ConfigSources SourcesOf(const ConfigFlags& flags);

}  // namespace weir::cli
