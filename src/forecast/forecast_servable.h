// A Kronos model as the engine serves it.
#pragma once

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

// A forecast as the tensors of a job: "candles" FP64 [history, 6], "timestamps" and "prediction_timestamps" INT64 of
// wall clock microseconds, "temperature" FP32 [1], "top_k" INT32 [1], "top_p" FP32 [1], "sample_count" INT32 [1],
// "seed" INT64 [1]; in this order. The answer: "prediction" FP64 [future, 6], "samples" FP64 [samples, future, 6].
std::vector<Tensor> ToTensors(const std::vector<Candle>& candles, const ForecastTimes& times, const Sampling& sampling,
                              std::uint32_t samples, std::uint64_t seed);
// The inputs of such a job, of which types and ranks have been checked.
ForecastRequest FromTensors(std::span<const Tensor> inputs);

// `rows`: most samples under way in one running set.
std::shared_ptr<const Servable> MakeForecastServable(std::shared_ptr<const KronosModel> model, std::size_t rows);

}  // namespace weir::forecast
