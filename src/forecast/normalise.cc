#include "forecast/normalise.h"

#include <algorithm>
#include <cmath>

namespace weir::forecast {
namespace {

constexpr std::size_t kLanes = 8;
constexpr std::size_t kBlock = 128;
constexpr float kLeastDeviation = 1e-5F;

std::vector<float> ColumnOf(std::span<const Candle> candles, std::size_t column) {
  std::vector<float> values;
  values.reserve(candles.size());
  for (const Candle& candle : candles) values.push_back(static_cast<float>(candle[column]));
  return values;
}

}  // namespace

float PairwiseSum(std::span<const float> values) {
  if (values.size() < kLanes) {
    float sum = 0;
    for (const float value : values) sum += value;
    return sum;
  }
  if (values.size() > kBlock) {
    const std::size_t half = values.size() / 2 / kLanes * kLanes;
    return PairwiseSum(values.first(half)) + PairwiseSum(values.subspan(half));
  }
  std::array<float, kLanes> lanes;
  std::ranges::copy(values.first(kLanes), lanes.begin());
  std::size_t next = kLanes;
  for (; next + kLanes <= values.size(); next += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += values[next + lane];
  }
  float sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  for (; next < values.size(); ++next) sum += values[next];
  return sum;
}

Scale ScaleOf(std::span<const Candle> candles) {
  Scale scale;
  const auto count = static_cast<float>(candles.size());
  for (std::size_t column = 0; column < kColumns; ++column) {
    std::vector<float> values = ColumnOf(candles, column);
    const float mean = PairwiseSum(values) / count;
    for (float& value : values) value = (value - mean) * (value - mean);
    scale.mean[column] = mean;
    scale.deviation[column] = std::sqrt(PairwiseSum(values) / count);
  }
  return scale;
}

std::vector<float> Normalise(std::span<const Candle> candles, const Scale& scale, float clip) {
  std::vector<float> rows;
  rows.reserve(candles.size() * kColumns);
  for (const Candle& candle : candles) {
    for (std::size_t column = 0; column < kColumns; ++column) {
      const float value =
          (static_cast<float>(candle[column]) - scale.mean[column]) / (scale.deviation[column] + kLeastDeviation);
      rows.push_back(std::clamp(value, -clip, clip));
    }
  }
  return rows;
}

Candle Restore(std::span<const float> row, const Scale& scale) {
  Candle candle;
  for (std::size_t column = 0; column < kColumns; ++column) {
    const float value = row[column] * (scale.deviation[column] + kLeastDeviation) + scale.mean[column];
    candle[column] = static_cast<double>(value);
  }
  return candle;
}

}  // namespace weir::forecast
