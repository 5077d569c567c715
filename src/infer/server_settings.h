// What the protocol's logging and trace extensions can read and change of a server.
// Source: Triton's "Logging Extension" and "Trace Extension" pages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

// The log's level in the protocol's words. Value type.
struct LogSettings {
  bool error = true;
  bool warning = true;
  bool info = true;
  std::uint64_t verbose = 0;  // above 0: debug messages too
};

// What is not there stays as it is. Value type.
struct LogChanges {
  std::optional<bool> error = {};
  std::optional<bool> warning = {};
  std::optional<bool> info = {};
  std::optional<std::uint64_t> verbose = {};
  std::optional<std::string> file = {};    // only "": the log goes to stderr
  std::optional<std::string> format = {};  // only "default"
};

LogSettings CurrentLogSettings();
// The least severe kind that is wanted decides: what is more severe is written too.
Status Change(const LogChanges& changes);

// Tracing is off and stays so: kInvalidArgument for what asks for more.
Status ChangeTrace(const std::string& setting, const std::vector<std::string>& values);

}  // namespace weir
