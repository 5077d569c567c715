// A Kronos model as the engine serves it.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/servable.h"
#include "forecast/forecast.h"
#include "forecast/kronos_model.h"
#include "model/tensor.h"

namespace weir::forecast {

// What a forecast's times are to a model. Times are microseconds of the clock on the wall since 1970.
struct ForecastTimes {
  std::vector<std::int64_t> history;
  std::vector<std::int64_t> future;
};

// What a job (by its JobRequest::method) says beside its tensors. Value type.
struct ForecastMethod {
  bool exact = true;               // false: see RunningBatch
  std::uint32_t first_sample = 0;  // the number of its first sample, of those that one forecast is parted into

  std::uint32_t Encode() const { return (first_sample << 1U) | (exact ? 0U : 1U); }
  static ForecastMethod Decode(std::uint32_t method) {
    return {.exact = (method & 1U) == 0, .first_sample = method >> 1U};
  }
};

// A forecast as the tensors of a job: "candles" FP64 [history, 6], "timestamps" and "prediction_timestamps" INT64 of
// wall clock microseconds, "temperature" FP32 [1], "top_k" INT32 [1], "top_p" FP32 [1], "sample_count" INT32 [1],
// "seed" INT64 [1]; in this order. The answer: "prediction" FP64 [future, 6], "samples" FP64 [samples, future, 6]. A
// part of it is one candle: sample and step INT32 [2], FP64 [6].
std::vector<Tensor> ToTensors(const std::vector<Candle>& candles, const ForecastTimes& times, const Sampling& sampling,
                              std::uint32_t samples, std::uint64_t seed);
// The inputs of such a job, of which types and ranks have been checked.
ForecastRequest FromTensors(std::span<const Tensor> inputs);

// Samples under way at most, in as many running sets as there are runs at once.
struct ForecastRoom {
  std::size_t rows = 16;
  std::size_t runs = 1;

  // With fewer rows than runs there are fewer sets.
  std::size_t sets() const { return std::min(rows, runs); }
  std::size_t rows_of_set() const { return (rows + sets() - 1) / sets(); }
};
std::shared_ptr<const Servable> MakeForecastServable(std::shared_ptr<const KronosModel> model,
                                                     const ForecastRoom& room);

}  // namespace weir::forecast
