#include "load/latency_histogram.h"

#include <gtest/gtest.h>

namespace weir::load {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

double Ms(Duration d) { return Seconds(d) * 1e3; }

TEST(LatencyHistogram, IsZeroWhenNothingWasAdded) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.Percentile(99), Duration::zero());
  EXPECT_EQ(histogram.mean(), Duration::zero());
  EXPECT_TRUE(histogram.Coarse().empty());
}

TEST(LatencyHistogram, PercentilesAreWithinATenthOfAPercentOverSixDecades) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100'000; ++i) histogram.Add(microseconds(static_cast<std::int64_t>(i) * i / 100 + 1));
  for (const double percent : {1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99}) {
    const auto rank = static_cast<std::int64_t>(percent * 1000);
    const double exact = static_cast<double>(rank * rank / 100 + 1) / 1e3;
    EXPECT_NEAR(Ms(histogram.Percentile(percent)), exact, exact * 0.0011) << percent;
  }
}

TEST(LatencyHistogram, LeastGreatestAndMeanAreExact) {
  LatencyHistogram histogram;
  for (const int us : {3, 1234, 777'777}) histogram.Add(microseconds(us));
  EXPECT_EQ(histogram.least(), microseconds(3));
  EXPECT_EQ(histogram.greatest(), microseconds(777'777));
  EXPECT_EQ(histogram.Percentile(100), microseconds(777'777));
  EXPECT_EQ(histogram.mean(), std::chrono::nanoseconds((3 + 1234 + 777'777) * 1000LL / 3));
}

TEST(LatencyHistogram, TheNearestRankOfFewValuesIsOneOfThem) {
  LatencyHistogram histogram;
  for (const int ms : {10, 20, 30, 40}) histogram.Add(milliseconds(ms));
  EXPECT_NEAR(Ms(histogram.Percentile(50)), 20, 0.02);
  EXPECT_NEAR(Ms(histogram.Percentile(51)), 30, 0.03);
  EXPECT_EQ(histogram.Percentile(99), milliseconds(40));
}

TEST(LatencyHistogram, TakesWhatIsOutsideItsRange) {
  LatencyHistogram histogram;
  histogram.Add(std::chrono::nanoseconds(5));
  histogram.Add(-milliseconds(1));  // a clock that was read in another order
  histogram.Add(std::chrono::hours(2));
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.least(), Duration::zero());
  EXPECT_EQ(histogram.Percentile(100), std::chrono::hours(2));
  EXPECT_LE(histogram.Percentile(50), microseconds(1));
}

TEST(LatencyHistogram, AddingOneToAnotherIsAddingItsValues) {
  LatencyHistogram a;
  LatencyHistogram b;
  LatencyHistogram both;
  for (int i = 1; i < 500; ++i) {
    (i % 3 == 0 ? a : b).Add(microseconds(i * 7));
    both.Add(microseconds(i * 7));
  }
  a.Add(b);
  EXPECT_EQ(a.count(), both.count());
  EXPECT_EQ(a.Percentile(90), both.Percentile(90));
  EXPECT_EQ(a.least(), both.least());
  EXPECT_EQ(a.mean(), both.mean());
  a.Clear();
  EXPECT_EQ(a.count(), 0U);
  EXPECT_EQ(a.Percentile(90), Duration::zero());
}

TEST(LatencyHistogram, CoarseBarsHoldEveryValueBelowTheirUpperEnd) {
  LatencyHistogram histogram;
  for (int i = 0; i < 10; ++i) histogram.Add(milliseconds(1));
  histogram.Add(milliseconds(50));
  const auto bars = histogram.Coarse();
  ASSERT_GE(bars.size(), 2U);
  EXPECT_EQ(bars.front().second, 10U);
  EXPECT_GT(bars.front().first, milliseconds(1));
  EXPECT_LT(Ms(bars.front().first), 1.26);
  EXPECT_EQ(bars.back().second, 1U);
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    all += bars[i].second;
    if (i > 0) EXPECT_NEAR(Ms(bars[i].first) / Ms(bars[i - 1].first), 1.25, 0.01);
  }
  EXPECT_EQ(all, 11U);
}

}  // namespace
}  // namespace weir::load
