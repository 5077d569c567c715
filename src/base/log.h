// The log facade: `log::Info("model {} is ready in {:.1f} s", name, seconds)`.
//
// Levels: error = someone must act, warn = degraded, info = a state changed, debug = per request. A line
// is formatted only when its level is on. Thread-safe; writes to stderr, one line at a time.
#pragma once

#include <fmt/core.h>

#include <string_view>

namespace weir::log {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };

// The least level that is written. Thread-safe.
void SetLevel(Level level);
// "debug", "info", "warn", "error", "off"; anything else leaves the level and returns false.
bool SetLevel(std::string_view name);
bool Enabled(Level level);
void Write(Level level, fmt::string_view format, fmt::format_args args);

// A whole line as it is, whatever the level.
void Line(std::string_view text);

template <typename... Args>
void Debug(fmt::format_string<Args...> format, Args&&... args) {
  if (Enabled(Level::kDebug)) Write(Level::kDebug, format, fmt::make_format_args(args...));
}
template <typename... Args>
void Info(fmt::format_string<Args...> format, Args&&... args) {
  if (Enabled(Level::kInfo)) Write(Level::kInfo, format, fmt::make_format_args(args...));
}
template <typename... Args>
void Warn(fmt::format_string<Args...> format, Args&&... args) {
  if (Enabled(Level::kWarn)) Write(Level::kWarn, format, fmt::make_format_args(args...));
}
template <typename... Args>
void Error(fmt::format_string<Args...> format, Args&&... args) {
  if (Enabled(Level::kError)) Write(Level::kError, format, fmt::make_format_args(args...));
}

}  // namespace weir::log
