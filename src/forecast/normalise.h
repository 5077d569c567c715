// From candles to what a model reads, and back: pure functions in 32-bit floats, with numpy's order of adding, because
// other orders give other last bits, and dividing by a tiny deviation makes them matter.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "forecast/candle.h"

namespace weir::forecast {

// The sum as numpy adds a contiguous column of floats: up to 128 values in eight running sums, more as two halves, the
// first of a multiple of eight. Source: numpy, "pairwise summation", numpy/_core/src/umath/loops_utils.h.src.
float PairwiseSum(std::span<const float> values);

// Of a series, column by column.
struct Scale {
  std::array<float, kColumns> mean{};
  std::array<float, kColumns> deviation{};  // of the whole population
};

// mean = sum / n, deviation = sqrt(sum of (x - mean)^2 / n). At least one candle.
Scale ScaleOf(std::span<const Candle> candles);

// Rows of (x - mean) / (deviation + 1e-5), kept within -clip and clip.
std::vector<float> Normalise(std::span<const Candle> candles, const Scale& scale, float clip);

// One row of a model's answer as a candle: y * (deviation + 1e-5) + mean.
Candle Restore(std::span<const float> row, const Scale& scale);

}  // namespace weir::forecast
