// Forecasts as every door asks for them: some series in, what follows each of them out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/engine.h"
#include "forecast/candle.h"
#include "forecast/forecast_servable.h"
#include "forecast/sampler.h"

namespace weir::forecast {

// One series and how it is to go on. Value type.
struct SeriesQuestion {
  std::vector<Candle> candles;
  ForecastTimes times;
  Sampling sampling;
  std::uint32_t samples = 1;
  std::uint64_t seed = 0;
  bool exact = true;  // false: see RunningBatch
  // Of an error about it: put before its field ("items[2]") and before its message ("[BTC] "); may be empty.
  std::string path;
  std::string label;
};

struct ForecastQuestion {
  std::string model;  // or one version of it
  std::vector<SeriesQuestion> series;
  Priority priority = Priority::kNormal;
  std::uint64_t client = 0;  // as JobRequest::client
  Deadline deadline = {};
  std::stop_token stop = {};
  // Candles as they are drawn, of the series of that number; before the answer, but perhaps one beside it. Called by
  // whoever runs them, several at once; it must not block. Null: not wanted.
  std::function<void(std::size_t, const CandlePlace&, const Candle&)> on_candle = {};
};

struct SeriesForecast {
  std::vector<Candle> mean;
  std::vector<std::vector<Candle>> samples;
};

struct ForecastAnswer {
  std::string version;  // of the model: "1"
  std::vector<SeriesForecast> series;
  StageTimes times;  // of the one that ended last
};

// The given quantile of each step and column, over the samples: between the two nearest ones in proportion to their
// distance. Source: Hyndman and Fan, "Sample quantiles in statistical packages", definition 7, which numpy takes too.
std::vector<Candle> QuantileOf(std::span<const std::vector<Candle>> samples, double quantile);

// A number of a seed's range when nobody names one: small enough for every JSON reader.
std::uint64_t NewSeed();
inline constexpr std::int64_t kLargestSeed = (std::int64_t{1} << 53) - 1;

// A request of several series is that many jobs or more, of any lengths, horizons and samplings: all are admitted or
// none, all are answered or the first error is. The samples of a series are parted among the runs that there may be at
// once, always in the same way: with one forecast alone none of them has nothing to do. Owned by the composition root;
// `engine` outlives it. Thread-safe, never blocks.
class ForecastService {
 public:
  explicit ForecastService(Engine& engine) : engine_(engine) {}

  // `done` runs exactly once, on this thread or another. Waits for the model while it loads.
  void Ask(ForecastQuestion question, std::move_only_function<void(Result<ForecastAnswer>)> done);

 private:
  Engine& engine_;
};

}  // namespace weir::forecast
