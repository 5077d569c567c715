#include "forecast/candle.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <map>

namespace weir::forecast {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr double kMillisecondsFrom = 2e10;
constexpr int kMostOffsetMinutes = 24 * 60 - 1;

// Reads a text from its front.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool AtEnd() const { return text_.empty(); }
  bool Take(std::string_view any) {
    if (text_.empty() || any.find(text_.front()) == std::string_view::npos) return false;
    taken_ = text_.front();
    text_.remove_prefix(1);
    return true;
  }
  char taken() const { return taken_; }
  // Exactly so many digits.
  std::optional<int> Number(std::size_t digits) {
    if (text_.size() < digits) return std::nullopt;
    int value = 0;
    for (const char c : text_.substr(0, digits)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    text_.remove_prefix(digits);
    return value;
  }
  // Digits behind a decimal point, as millionths; what lies beyond them is cut.
  std::optional<int> Millionths() {
    int value = 0;
    int digits = 0;
    for (; Take("0123456789"); ++digits) {
      if (digits < 6) value = value * 10 + (taken_ - '0');
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 6; ++digits) value *= 10;
    return value;
  }

 private:
  std::string_view text_;
  char taken_ = '\0';
};

// What has been read so far of "2025-01-31T12:30:15.25+09:00".
struct Written {
  std::chrono::sys_days day{};
  microseconds of_day{0};
  std::optional<int> offset_minutes;
};

bool ReadDay(Scanner& scanner, Written& written) {
  const auto year = scanner.Number(4);
  if (!year || !scanner.Take("-")) return false;
  const auto month = scanner.Number(2);
  if (!month || !scanner.Take("-")) return false;
  const auto day = scanner.Number(2);
  if (!day) return false;
  const std::chrono::year_month_day date(std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  written.day = date;
  return date.ok();
}

bool ReadTimeOfDay(Scanner& scanner, Written& written) {
  const auto hour = scanner.Number(2);
  if (!hour || *hour > 23 || !scanner.Take(":")) return false;
  const auto minute = scanner.Number(2);
  if (!minute || *minute > 59) return false;
  written.of_day = hours(*hour) + minutes(*minute);
  if (!scanner.Take(":")) return true;
  const auto second = scanner.Number(2);
  if (!second || *second > 59) return false;
  written.of_day += seconds(*second);
  if (!scanner.Take(".,")) return true;
  const auto fraction = scanner.Millionths();
  written.of_day += microseconds(fraction.value_or(0));
  return fraction.has_value();
}

bool ReadOffset(Scanner& scanner, Written& written) {
  if (scanner.AtEnd()) return true;
  if (scanner.Take("Zz")) {
    written.offset_minutes = 0;
    return true;
  }
  if (!scanner.Take("+-")) return false;
  const int sign = scanner.taken() == '-' ? -1 : 1;
  const auto hour = scanner.Number(2);
  scanner.Take(":");
  const auto minute = scanner.Number(2);
  if (!hour || !minute || *minute > 59 || *hour * 60 + *minute > kMostOffsetMinutes) return false;
  written.offset_minutes = sign * (*hour * 60 + *minute);
  return true;
}

Result<Timestamp> Checked(const Timestamp& time) {
  if (time.utc_us() >= kFirstTimestampUs && time.utc_us() <= kLastTimestampUs) return time;
  return InvalidArgument("must lie in the years 1677 to 2262");
}

}  // namespace

Result<Timestamp> ParseTimestamp(std::string_view text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc() && end == text.data() + text.size()) return TimestampOfNumber(number);
  Scanner scanner(text);
  Written written;
  const bool is_time =
      ReadDay(scanner, written) &&
      (scanner.AtEnd() || (scanner.Take("Tt _") && ReadTimeOfDay(scanner, written) && ReadOffset(scanner, written)));
  if (!is_time || !scanner.AtEnd()) {
    return InvalidArgument("must be a time like \"2025-01-31T12:30:00\", or seconds or milliseconds since 1970");
  }
  const microseconds wall = written.day.time_since_epoch() + written.of_day;
  return Checked({.wall_us = wall.count(), .offset_minutes = written.offset_minutes});
}

Result<Timestamp> TimestampOfNumber(double number) {
  const double in_seconds = std::abs(number) > kMillisecondsFrom ? number / 1000 : number;
  // Far from where a cast to 64 bits would overflow, and not for NaN.
  if (!(std::abs(in_seconds) < 1e11)) return InvalidArgument("must lie in the years 1677 to 2262");
  return Checked({.wall_us = static_cast<std::int64_t>(std::llround(in_seconds * 1e6)), .offset_minutes = 0});
}

std::string FormatTimestamp(const Timestamp& time) {
  const std::chrono::sys_time<microseconds> wall{microseconds(time.wall_us)};
  const auto day = std::chrono::floor<days>(wall);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(wall - day);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                 clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (clock.subseconds().count() != 0) text += fmt::format(".{:06}", clock.subseconds().count());
  if (!time.offset_minutes) return text;
  const int offset = *time.offset_minutes;
  if (offset == 0) return text + "Z";
  return text + fmt::format("{}{:02}:{:02}", offset < 0 ? '-' : '+', std::abs(offset) / 60, std::abs(offset) % 60);
}

Result<std::vector<Timestamp>> TimesAfter(std::span<const Timestamp> times, std::int64_t count) {
  std::map<std::int64_t, std::size_t> steps;
  for (std::size_t i = 1; i < times.size(); ++i) ++steps[times[i].utc_us() - times[i - 1].utc_us()];
  if (steps.empty()) return InvalidArgument("one candle does not tell how far apart the next ones are");
  const std::int64_t step = std::ranges::max_element(steps, {}, [](const auto& one) { return one.second; })->first;
  std::vector<Timestamp> after;
  Timestamp time = times.back();
  if (step > (kLastTimestampUs - time.wall_us) / count) return InvalidArgument("what follows is after the year 2262");
  for (std::int64_t i = 0; i < count; ++i) {
    time.wall_us += step;
    after.push_back(time);
  }
  return after;
}

Stamp StampOf(const Timestamp& time) {
  const std::chrono::sys_time<microseconds> wall{microseconds(time.wall_us)};
  const auto day = std::chrono::floor<days>(wall);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(wall - day);
  return {clock.minutes().count(), clock.hours().count(), std::chrono::weekday(day).iso_encoding() - 1,
          static_cast<unsigned>(date.day()), static_cast<unsigned>(date.month())};
}

}  // namespace weir::forecast
