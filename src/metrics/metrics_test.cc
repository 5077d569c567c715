#include "metrics/metrics.h"

namespace weir {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, RendersWhatWasCounted) {
  Metrics metrics;
  metrics.GetCounter("jobs_total", "Jobs.", {{"model", "m"}}).Add(2);
  metrics.GetGauge("open", "Open.").Set(3);
  metrics.GetHistogram("seconds", "Seconds.", {0.1, 1}).Observe(0.5);
  const std::string text = metrics.Render();
  EXPECT_THAT(text, HasSubstr("# HELP jobs_total Jobs."));
  EXPECT_THAT(text, HasSubstr("jobs_total{model=\"m\"} 2"));
  EXPECT_THAT(text, HasSubstr("open 3"));
  EXPECT_THAT(text, HasSubstr("seconds_bucket{le=\"0.1\"} 0"));
  EXPECT_THAT(text, HasSubstr("seconds_bucket{le=\"1\"} 1"));
}

TEST(Metrics, GivesTheSameMetricForTheSameNameAndLabels) {
  Metrics metrics;
  metrics.GetCounter("jobs_total", "Jobs.", {{"model", "m"}}).Add();
  metrics.GetCounter("jobs_total", "Jobs.", {{"model", "m"}}).Add();
  EXPECT_THAT(metrics.Render(), HasSubstr("jobs_total{model=\"m\"} 2"));
}

TEST(Metrics, CountsExactlyWhenManyThreadsCount) {
  Metrics metrics;
  Counter counter = metrics.GetCounter("jobs_total", "Jobs.");
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&counter] {
        for (int n = 0; n < 1000; ++n) counter.Add();
      });
    }
  }
  EXPECT_THAT(metrics.Render(), HasSubstr("jobs_total 4000"));
}

}  // namespace
}  // namespace weir
