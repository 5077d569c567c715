#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <memory>
#include <utility>

namespace weir::log {
namespace {

constexpr std::array<std::pair<std::string_view, Level>, 5> kNames = {{{"debug", Level::kDebug},
                                                                       {"info", Level::kInfo},
                                                                       {"warn", Level::kWarn},
                                                                       {"error", Level::kError},
                                                                       {"off", Level::kOff}}};

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarn: return spdlog::level::warn;
    case Level::kError: return spdlog::level::err;
    case Level::kOff: return spdlog::level::off;
  }
  return spdlog::level::off;
}

// Never destroyed: a thread may log while the process leaves.
spdlog::logger* NewLogger(const char* pattern) {
  auto* made = new spdlog::logger("weir", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  made->set_pattern(pattern);
  return made;
}

spdlog::logger& Logger() {
  static auto* const logger = NewLogger("%Y-%m-%dT%H:%M:%S.%e %^%-5l%$ %v");
  return *logger;
}

}  // namespace

void SetLevel(Level level) { Logger().set_level(ToSpdlog(level)); }

bool SetLevel(std::string_view name) {
  for (const auto& [known, level] : kNames) {
    if (known == name) {
      SetLevel(level);
      return true;
    }
  }
  return false;
}

bool Enabled(Level level) { return Logger().should_log(ToSpdlog(level)); }

void Write(Level level, fmt::string_view format, fmt::format_args args) {
  Logger().log(ToSpdlog(level), fmt::vformat(format, args));
}

void Line(std::string_view text) {
  static auto* const logger = NewLogger("%v");
  logger->info(text);
}

}  // namespace weir::log
