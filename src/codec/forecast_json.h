// Bodies of POST /v1/forecast, and of KServe's forecasts of time series.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/candle_json.h"
#include "forecast/forecast_service.h"

namespace weir::codec {

// Series and steps of one request, over all of its series.
inline constexpr std::size_t kMostSeries = 1024;

// One series of a body, and how its answer is written.
struct ForecastSeries {
  std::optional<std::string> id;
  std::vector<forecast::Timestamp> future;
  forecast::SeriesQuestion question;
  std::vector<std::pair<std::string, double>> quantiles;  // as they were written, and their numbers
  bool shows_samples = false;
};

struct ForecastBody {
  std::optional<std::string> model;
  std::vector<ForecastSeries> series;
  bool streams = false;  // candles are sent as they are drawn
};

// {"model":…,"series":[{"id":…,"candles":[…],"timestamps":[…],"horizon":24}]}; what holds for all series (horizon,
// temperature, top_k, top_p, sample_count, seed, exact, quantiles, samples) may stand beside them, and "stream":
// true. The steps to come
// are as far apart as most of the candles, or are given as prediction_timestamps. Unknown fields are refused.
Result<ForecastBody> ParseForecast(std::string_view body);
std::string WriteForecast(const std::string& model, const std::vector<ForecastSeries>& series,
                          const forecast::ForecastAnswer& answer);
// {"series":0,"id":…,"sample":0,"step":0,"candle":{…}}
std::string WriteDrawnCandle(const std::vector<ForecastSeries>& series, std::size_t index,
                             const forecast::CandlePlace& place, const forecast::Candle& candle);

// Source: KServe, "TimeSeries LLM Forecast API". A univariate series is one of prices: its open, high, low and close
// are the same. A multivariate one has 4 to 6 columns, in the order of a candle's.
struct TimeSeriesInput {
  std::string name;
  std::string frequency;  // as it was written
  std::size_t columns = 1;
  bool is_multivariate = false;
};
struct TimeSeriesBody {
  std::string model;
  std::vector<TimeSeriesInput> inputs;
  std::vector<ForecastSeries> series;  // one for each input
};
Result<TimeSeriesBody> ParseTimeSeries(std::string_view body);
std::string WriteTimeSeries(const TimeSeriesBody& body, const forecast::ForecastAnswer& answer);
// {"models": [names]}
std::string WriteTimeSeriesModels(const std::vector<std::string>& names);

}  // namespace weir::codec
