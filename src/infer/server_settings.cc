#include "infer/server_settings.h"

#include <fmt/format.h>

#include "base/log.h"

namespace weir {

LogSettings CurrentLogSettings() {
  return {.error = log::Enabled(log::Level::kError),
          .warning = log::Enabled(log::Level::kWarn),
          .info = log::Enabled(log::Level::kInfo),
          .verbose = log::Enabled(log::Level::kDebug) ? 1U : 0U};
}

Status Change(const LogChanges& changes) {
  if (changes.file && !changes.file->empty()) {
    return InvalidArgument("'log_file' must be empty: the log goes to stderr", "log_file");
  }
  if (changes.format && *changes.format != "default") {
    return InvalidArgument(fmt::format("'log_format' must be default, not '{}'", *changes.format), "log_format");
  }
  const LogSettings now = CurrentLogSettings();
  log::Level level = log::Level::kOff;
  if (changes.error.value_or(now.error)) level = log::Level::kError;
  if (changes.warning.value_or(now.warning)) level = log::Level::kWarn;
  if (changes.info.value_or(now.info)) level = log::Level::kInfo;
  if (changes.verbose.value_or(now.verbose) > 0) level = log::Level::kDebug;
  log::SetLevel(level);
  return {};
}

Status ChangeTrace(const std::string& setting, const std::vector<std::string>& values) {
  const bool is_off = setting == "trace_level" && (values.empty() || (values.size() == 1 && values[0] == "OFF"));
  if (is_off || values.empty()) return {};
  return InvalidArgument(fmt::format("'{}' cannot be changed: tracing is off (trace_level OFF)", setting), setting);
}

}  // namespace weir
