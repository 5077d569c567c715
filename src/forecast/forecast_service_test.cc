#include "forecast/forecast_service.h"

#include <gtest/gtest.h>

namespace weir::forecast {
namespace {

std::vector<std::vector<Candle>> Samples(const std::vector<double>& opens) {
  std::vector<std::vector<Candle>> samples;
  for (const double open : opens) samples.push_back({Candle{open, 10 * open, 0, 0, 0, 0}});
  return samples;
}

TEST(QuantileOf, LiesBetweenTheTwoNearestSamples) {
  const auto samples = Samples({4, 1, 3, 2, 5});
  EXPECT_EQ(QuantileOf(samples, 0)[0][kOpen], 1);
  EXPECT_EQ(QuantileOf(samples, 1)[0][kOpen], 5);
  EXPECT_EQ(QuantileOf(samples, 0.5)[0][kOpen], 3);
  EXPECT_DOUBLE_EQ(QuantileOf(samples, 0.1)[0][kOpen], 1.4);
  EXPECT_DOUBLE_EQ(QuantileOf(samples, 0.1)[0][kHigh], 14);
}

TEST(QuantileOf, OfOneSampleIsThatSample) { EXPECT_EQ(QuantileOf(Samples({7}), 0.3)[0][kOpen], 7); }

TEST(NewSeed, CanBeReadAsADouble) {
  for (int i = 0; i < 100; ++i) EXPECT_LE(NewSeed(), static_cast<std::uint64_t>(kLargestSeed));
  EXPECT_NE(NewSeed(), NewSeed());
}

}  // namespace
}  // namespace weir::forecast
