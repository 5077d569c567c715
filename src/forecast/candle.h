// Candles of a market, and when they were.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::forecast {

// Columns of a candle, in the order in which models read and write them.
enum Column : std::uint8_t { kOpen, kHigh, kLow, kClose, kVolume, kAmount };
inline constexpr std::size_t kColumns = 6;
using Candle = std::array<double, kColumns>;

// A point in time as it was written: what a clock on the wall showed, and, when it is known, how far that clock was
// ahead of UTC. Value type.
struct Timestamp {
  std::int64_t wall_us = 0;           // microseconds on that clock since 1970-01-01T00:00:00
  std::optional<int> offset_minutes;  // nullopt: not known, a "naive" time

  // Comparable only when both or none have an offset.
  std::int64_t utc_us() const { return wall_us - offset_minutes.value_or(0) * std::int64_t{60'000'000}; }
  bool operator==(const Timestamp&) const = default;
};

// Years 1677 to 2262, as far as 64 bits of nanoseconds reach: pandas, and so those who trained the models, know no
// others.
inline constexpr std::int64_t kFirstTimestampUs = -9'223'372'036'854'775;
inline constexpr std::int64_t kLastTimestampUs = 9'223'372'036'854'775;

// "2025-01-31", "2025-01-31T12:30", "2025-01-31 12:30:15.250", with "Z" or "+09:00" at its end or without; or a number,
// as below. The error says what was expected; it has no field.
Result<Timestamp> ParseTimestamp(std::string_view text);
// Seconds since 1970 in UTC; from 20,000,000,000 on milliseconds.
Result<Timestamp> TimestampOfNumber(double number);
// ISO 8601: "2025-01-31T12:30:15.250000+09:00"; "Z" for UTC, fractions only when there are any.
std::string FormatTimestamp(const Timestamp& time);

// The `count` times that follow ascending ones, as far apart as most of these are: days of rest do not count. The error
// says that one time alone does not tell, or that the years end.
Result<std::vector<Timestamp>> TimesAfter(std::span<const Timestamp> times, std::int64_t count);

// What models are told of a candle's time: minute (0 to 59), hour (0 to 23), weekday (Monday is 0), day (1 to 31) and
// month (1 to 12) on the clock on the wall.
using Stamp = std::array<std::int64_t, 5>;
Stamp StampOf(const Timestamp& time);

}  // namespace weir::forecast
