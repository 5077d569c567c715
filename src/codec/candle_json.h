// Candles and their times in JSON bodies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"
#include "forecast/candle.h"
#include "forecast/forecast_service.h"

namespace weir::codec {

// How a request says what it wants of a forecast, where it does not say it itself. Value type.
struct ForecastDefaults {
  forecast::Sampling sampling;
  std::uint32_t samples = 1;
};

// "candles": objects with open, high, low, close, and perhaps volume and amount (0 otherwise). Prices are above 0, the
// low one is not above open and close, the high one not below.
Result<std::vector<forecast::Candle>> ParseCandles(const JsonObject& object);

// A list of times, at least one: ISO 8601, or seconds or milliseconds since 1970 as numbers or strings.
Result<std::vector<forecast::Timestamp>> ParseTimes(const JsonObject& object, std::string_view key);

// temperature, top_k, top_p, sample_count, seed and exact; `null` as if it were not there.
Status ParseSampling(const JsonObject& object, forecast::SeriesQuestion& question);

// Whether the times of the candles, and those to forecast, are of one kind of clock and ascend. With `brief` the
// messages name a place in the list, else the times. `future` may be empty, where it is not known yet.
Status CheckTimes(const JsonObject& object, const std::vector<forecast::Timestamp>& times,
                  const std::vector<forecast::Timestamp>& future, bool brief);
forecast::ForecastTimes ForecastTimesOf(const std::vector<forecast::Timestamp>& times,
                                        const std::vector<forecast::Timestamp>& future);

// {"timestamp":…,"open":…}, or without the time.
void WriteCandle(JsonWriter& json, const forecast::Timestamp& time, const forecast::Candle& candle);

}  // namespace weir::codec
