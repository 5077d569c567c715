#include "app/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace weir::app {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 4> kDurations = {{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
constexpr std::array<Unit, 8> kSizes = {{{"", 1},
                                         {"B", 1},
                                         {"KB", 1000},
                                         {"MB", 1'000'000},
                                         {"GB", 1'000'000'000},
                                         {"KiB", 1U << 10},
                                         {"MiB", 1U << 20},
                                         {"GiB", 1U << 30}}};

// "<whole number><unit>", as a multiple of the units' common base.
Result<std::uint64_t> ParseWithUnit(std::string_view text, std::span<const Unit> units, std::string_view example) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc()) {
    const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const Unit& unit : units) {
      std::uint64_t value = 0;
      if (unit.name == name && !__builtin_mul_overflow(number, unit.factor, &value)) return value;
    }
  }
  return InvalidArgument(fmt::format("'{}' is not a value such as {}", text, example));
}

}  // namespace

Result<Duration> ParseDuration(std::string_view text) {
  Result<std::uint64_t> milliseconds = ParseWithUnit(text, kDurations, "250ms, 30s, 5m or 1h");
  if (!milliseconds) return Forward(milliseconds);
  if (*milliseconds > 365ULL * 24 * 3'600'000) return InvalidArgument(fmt::format("'{}' is more than a year", text));
  return std::chrono::milliseconds(*milliseconds);
}

std::string DurationText(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (ms == 0 || ms % 1000 != 0) return ms == 0 ? "0s" : fmt::format("{}ms", ms);
  if (ms % 3'600'000 == 0) return fmt::format("{}h", ms / 3'600'000);
  return ms % 60'000 == 0 ? fmt::format("{}m", ms / 60'000) : fmt::format("{}s", ms / 1000);
}

Result<std::uint64_t> ParseSize(std::string_view text) {
  return ParseWithUnit(text, kSizes, "64MiB, 10MB or a number of bytes");
}

std::string SizeText(std::uint64_t bytes) {
  if (bytes > 0 && bytes % (1U << 30) == 0) return fmt::format("{}GiB", bytes >> 30U);
  if (bytes % (1U << 20) == 0) return fmt::format("{}MiB", bytes >> 20U);
  if (bytes % (1U << 10) == 0) return fmt::format("{}KiB", bytes >> 10U);
  return std::to_string(bytes);
}

Result<std::uint64_t> ParseCount(std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    return InvalidArgument(fmt::format("'{}' is not a whole number from {} to {}", text, least, most));
  }
  return number;
}

Result<double> ParseReal(std::string_view text, double least, double most) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !(number >= least && number <= most)) {
    return InvalidArgument(fmt::format("'{}' is not a number from {} to {}", text, least, most));
  }
  return number;
}

}  // namespace weir::app
