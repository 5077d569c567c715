#include "codec/candle_json.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace weir::codec {
namespace {

using forecast::Candle;
using forecast::Timestamp;

constexpr std::array<std::string_view, forecast::kColumns> kColumnNames = {"open",  "high",   "low",
                                                                           "close", "volume", "amount"};

// 1.0, 0.5, 1e+20: always seen to be no whole number.
std::string Decimal(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

Result<double> ParseColumn(const JsonObject& candle, std::size_t column) {
  const std::string_view name = kColumnNames[column];
  const bool is_price = column < forecast::kVolume;
  const auto refuse = [&](std::string_view why) {
    const std::string path = candle.Path(name);
    return InvalidArgument(fmt::format("'{}' {}", path, why), path);
  };
  double value = 0;
  if (is_price) {
    const auto element = candle.Require(name);
    if (!element) return std::unexpected(element.error());
    if (element->get(value)) return refuse("must be a number");
  } else {
    const auto given = candle.FindEvenNull(name);
    if (!given) return 0.0;
    if (given->is_null()) return refuse("must be a number, not null: leave it out, or send 0");
    if (given->get(value)) return refuse("must be a number");
  }
  if (!std::isfinite(value)) return refuse("must be a finite number");
  if (is_price ? value <= 0 : value < 0) return refuse(is_price ? "must be greater than 0" : "must be at least 0");
  return value;
}

Status CheckShape(const JsonObject& object, const Candle& candle) {
  const auto refuse = [&](std::string_view name, forecast::Column column, std::string_view relation) {
    return InvalidArgument(fmt::format("{} ({}) cannot be {} open ({}) or close ({})", name, Decimal(candle[column]),
                                       relation, Decimal(candle[forecast::kOpen]), Decimal(candle[forecast::kClose])),
                           object.Path(kColumnNames[column]));
  };
  const double least = std::min(candle[forecast::kOpen], candle[forecast::kClose]);
  const double most = std::max(candle[forecast::kOpen], candle[forecast::kClose]);
  if (candle[forecast::kLow] > least) return refuse("Low", forecast::kLow, "greater than");
  if (candle[forecast::kHigh] < most) return refuse("High", forecast::kHigh, "less than");
  return {};
}

Result<Timestamp> ParseTime(JsonElement element, const std::string& path) {
  std::string_view text;
  double number = 0;
  Result<Timestamp> time = InvalidArgument("must be a time");
  if (!element.get(text)) {
    time = forecast::ParseTimestamp(text);
  } else if (!element.get(number)) {
    time = forecast::TimestampOfNumber(number);
  }
  if (time) return time;
  const std::string given = simdjson::minify(element);
  return InvalidArgument(fmt::format("'{}' {}, not {}", path, time.error().message, given.substr(0, 60)), path);
}

// The first that is not after the one before.
std::optional<std::size_t> NotAscending(const std::vector<Timestamp>& times) {
  for (std::size_t i = 1; i < times.size(); ++i) {
    if (times[i].wall_us <= times[i - 1].wall_us) return i;
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<Candle>> ParseCandles(const JsonObject& object) {
  const auto list = object.RequireArray("candles");
  if (!list) return std::unexpected(list.error());
  std::vector<Candle> candles;
  const std::string path = object.Path("candles");
  for (const JsonElement element : *list) {
    const auto fields = JsonObject::From(element, Indexed(path, candles.size()));
    if (!fields) return std::unexpected(fields.error());
    Candle candle{};
    for (std::size_t column = 0; column < forecast::kColumns; ++column) {
      const auto value = ParseColumn(*fields, column);
      if (!value) return std::unexpected(value.error());
      candle[column] = *value;
    }
    if (Status shape = CheckShape(*fields, candle); !shape) return Forward(shape);
    candles.push_back(candle);
  }
  if (candles.empty()) return InvalidArgument(fmt::format("'{}' must hold at least one candle", path), path);
  return candles;
}

Result<std::vector<Timestamp>> ParseTimes(const JsonObject& object, std::string_view key) {
  const auto list = object.RequireArray(key);
  if (!list) return std::unexpected(list.error());
  std::vector<Timestamp> times;
  const std::string path = object.Path(key);
  for (const JsonElement element : *list) {
    const auto time = ParseTime(element, Indexed(path, times.size()));
    if (!time) return std::unexpected(time.error());
    times.push_back(*time);
  }
  if (times.empty()) return InvalidArgument(fmt::format("'{}' must hold at least one time", path), path);
  return times;
}

Status ParseSampling(const JsonObject& object, forecast::SeriesQuestion& question) {
  const auto number = [&](std::string_view key, float& into) -> Status {
    const auto element = object.Find(key);
    if (!element) return std::unexpected(element.error());
    double value = 0;
    if (!*element) return {};
    if ((*element)->get(value)) {
      return InvalidArgument(fmt::format("'{}' must be a number", object.Path(key)), object.Path(key));
    }
    into = static_cast<float>(value);
    return {};
  };
  if (Status read = number("temperature", question.sampling.temperature); !read) return read;
  if (!(question.sampling.temperature > 0) || !std::isfinite(question.sampling.temperature)) {
    return InvalidArgument(fmt::format("'{}' must be a number above 0", object.Path("temperature")),
                           object.Path("temperature"));
  }
  if (Status read = number("top_p", question.sampling.top_p); !read) return read;
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  const auto top_k = object.FindInt("top_k", -kMost, kMost);
  if (!top_k) return std::unexpected(top_k.error());
  if (*top_k) question.sampling.top_k = static_cast<int>(**top_k);
  const auto samples = object.FindInt("sample_count", 1, forecast::kMostSamples);
  if (!samples) return std::unexpected(samples.error());
  if (*samples) question.samples = static_cast<std::uint32_t>(**samples);
  const auto seed = object.FindInt("seed", 0, forecast::kLargestSeed);
  if (!seed) return std::unexpected(seed.error());
  if (*seed) question.seed = static_cast<std::uint64_t>(**seed);
  const auto exact = object.FindBool("exact");
  if (!exact) return std::unexpected(exact.error());
  if (*exact) question.exact = **exact;
  return {};
}

Status CheckTimes(const JsonObject& object, const std::vector<Timestamp>& times, const std::vector<Timestamp>& future,
                  bool brief) {
  for (const auto& [key, list] : {std::pair("timestamps", &times), std::pair("prediction_timestamps", &future)}) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      if ((*list)[i].offset_minutes == times[0].offset_minutes) continue;
      const std::string path = Indexed(object.Path(key), i);
      return InvalidArgument(fmt::format("'{}' ({}) is not of the same time zone as the first of 'timestamps' ({}): "
                                         "give all times with one offset, or all without",
                                         path, FormatTimestamp((*list)[i]), FormatTimestamp(times[0])),
                             path);
    }
    if (const auto at = NotAscending(*list)) {
      const std::string path = object.Path(key);
      if (brief) return InvalidArgument(fmt::format("{} must be in ascending order at index {}", key, *at), path);
      return InvalidArgument(fmt::format("{} must be in ascending order: {} does not come after {}", key,
                                         FormatTimestamp((*list)[*at]), FormatTimestamp((*list)[*at - 1])),
                             path);
    }
  }
  if (future.empty() || future[0].wall_us > times.back().wall_us) return {};
  const std::string path = object.Path("prediction_timestamps");
  if (brief) return InvalidArgument("prediction_timestamps must be after input timestamps", path);
  return InvalidArgument(fmt::format("prediction_timestamps must be after input timestamps: {} does not come after {}",
                                     FormatTimestamp(future[0]), FormatTimestamp(times.back())),
                         path);
}

forecast::ForecastTimes ForecastTimesOf(const std::vector<Timestamp>& times, const std::vector<Timestamp>& future) {
  forecast::ForecastTimes walls;
  for (const Timestamp& time : times) walls.history.push_back(time.wall_us);
  for (const Timestamp& time : future) walls.future.push_back(time.wall_us);
  return walls;
}

void WriteCandle(JsonWriter& json, const Timestamp& time, const Candle& candle) {
  json.BeginObject().Key("timestamp").String(FormatTimestamp(time));
  for (std::size_t column = 0; column < forecast::kColumns; ++column) {
    json.Key(kColumnNames[column]).Float(static_cast<float>(candle[column]));
  }
  json.EndObject();
}

}  // namespace weir::codec
