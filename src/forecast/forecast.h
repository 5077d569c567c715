// What is asked of a model of candles, and what it answers.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "forecast/candle.h"
#include "forecast/kronos_manifest.h"
#include "forecast/sampler.h"

namespace weir::forecast {

// Which of a forecast's candles.
struct CandlePlace {
  std::uint32_t sample = 0;
  std::uint32_t step = 0;
};
// A candle as soon as it is drawn. Called while the batch makes a step: it must not block.
using OnCandle = std::function<void(const CandlePlace&, const Candle&)>;

struct ForecastRequest {
  std::vector<Candle> candles;  // at least one
  std::vector<Stamp> stamps;    // of the candles
  std::vector<Stamp> future;    // of the candles to come: as many are forecast
  Sampling sampling;
  std::uint32_t samples = 1;       // futures that are drawn; the answer is their mean
  std::uint32_t first_sample = 0;  // the number of the first of them: which numbers are drawn depends on it
  std::uint64_t seed = 0;          // of all draws
  bool exact = true;               // false: see RunningBatch
  OnCandle on_candle = {};         // null: all candles come with the end
};

// More drawn futures than this say nothing new, and each takes a row of a batch.
inline constexpr std::uint32_t kMostSamples = 1024;

// Whether such a model can forecast it. kUnprocessable, with the limit in the message; the field is named as in
// requests
// ("candles[3].open", "sample_count").
Status CheckForecast(const ForecastRequest& request, const KronosManifest& manifest);

// The two parts of each token.
struct Tokens {
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> second;

  std::size_t size() const { return first.size(); }
  void Add(std::int64_t first_part, std::int64_t second_part) {
    first.push_back(first_part);
    second.push_back(second_part);
  }
};

struct Forecast {
  std::vector<Candle> mean;
  std::vector<std::vector<Candle>> samples;
  std::vector<Tokens> tokens;  // of each sample, the history's before those that were drawn
};

}  // namespace weir::forecast
