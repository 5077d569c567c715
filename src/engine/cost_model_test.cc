#include "engine/cost_model.h"

#include "engine/batch_simulation.h"

namespace weir {
namespace {

TEST(CostModel, PredictsWhatWasMeasured) {
  CostModel costs;
  costs.Load(MiniLmTable());
  EXPECT_NEAR(costs.Seconds(1, 16), 2.0 / 399, 1e-6);
  EXPECT_NEAR(costs.Seconds(8, 64), 16.0 / 144, 1e-6);
  EXPECT_NEAR(costs.Seconds(32, 256), 64.0 / 26.9, 1e-5);
}

TEST(CostModel, LiesBetweenTheNeighboursElsewhere) {
  CostModel costs;
  costs.Load(MiniLmTable());
  EXPECT_GT(costs.Seconds(1, 100), costs.Seconds(1, 64));
  EXPECT_LT(costs.Seconds(1, 100), costs.Seconds(1, 128));
  EXPECT_GT(costs.Seconds(5, 16), costs.Seconds(4, 16));
  EXPECT_LT(costs.Seconds(5, 16), costs.Seconds(8, 16));
}

TEST(CostModel, KnowsTheShapeOfAnEncoderBeforeAnythingIsMeasured) {
  const CostModel costs;
  EXPECT_FALSE(costs.measured());
  EXPECT_LT(costs.Seconds(16, 16), 16 * 0.75 * costs.Seconds(1, 16));
  EXPECT_GT(costs.Seconds(16, 256), 16 * 1.05 * costs.Seconds(1, 256));
}

TEST(CostModel, TakesItsScaleFromTheFirstRun) {
  CostModel costs;
  costs.Observe(1, 64, 0.5);
  EXPECT_NEAR(costs.Seconds(1, 64), 0.5, 1e-9);
  EXPECT_NEAR(costs.Seconds(1, 128), 1.0, 0.2);
}

TEST(CostModel, IsHardlyMovedByOneSlowRun) {
  CostModel costs;
  costs.Load(MiniLmTable());
  const double before = costs.Seconds(4, 64);
  costs.Observe(4, 64, 100 * before);
  EXPECT_LT(costs.Seconds(4, 64), 1.1 * before);
}

TEST(CostModel, FollowsALastingChangeAndSaysItsErrorMeanwhile) {
  CostModel costs;
  costs.Load(MiniLmTable());
  const double twice = 2 * costs.Seconds(4, 64);
  costs.Observe(4, 64, twice);
  EXPECT_GT(costs.error(), 0.01);
  for (int i = 0; i < 200; ++i) costs.Observe(4, 64, twice);
  EXPECT_NEAR(costs.Seconds(4, 64), twice, 0.02 * twice);
  EXPECT_LT(costs.error(), 0.01);
}

TEST(CostModel, WhenEverythingGetsSlowerTheChoiceStays) {
  CostModel costs;
  costs.Load(MiniLmTable());
  const auto gain = [&] { return costs.Seconds(16, 16) / (16 * costs.Seconds(1, 16)); };
  const double before = gain();
  for (int i = 0; i < 100; ++i) {
    costs.Observe(16, 16, 1.5 * 32 / 589.0);
    costs.Observe(1, 16, 1.5 * 2 / 399.0);
  }
  EXPECT_NEAR(gain(), before, 0.05);
}

TEST(CostModel, FillsWhatWasNotMeasured) {
  CostTable table;
  table.seconds[0][1] = 1e-3;   // 16 tokens alone
  table.seconds[1][1] = 1e-3;   // two cost no more than one
  table.seconds[2][1] = 1e-3;   // nor do four
  table.seconds[0][4] = 8e-3;   // 128 tokens
  table.seconds[1][4] = 17e-3;  // two cost more than two runs, and four were not tried
  CostModel costs;
  costs.Load(table);
  EXPECT_NEAR(costs.Seconds(1, 256), 16e-3, 1e-9);               // the pace of the nearest length
  EXPECT_NEAR(costs.Seconds(8, 16), 8 * 1e-3 / 4 * 1.02, 1e-9);  // larger than what was tried: gains nothing more
  EXPECT_NEAR(costs.Seconds(4, 128), 2 * 17e-3 * 1.02, 1e-9);    // what pays at 16 tokens need not pay at 128
  EXPECT_NEAR(costs.Seconds(1, 8), 0.5e-3, 1e-9);
  EXPECT_NEAR(costs.Seconds(4, 8), 0.5e-3, 1e-9);  // but what pays at 16 pays at 8
}

TEST(CostModel, KeepsATableThroughSavingAndLoading) {
  CostModel costs;
  costs.Load(MiniLmTable());
  CostModel again;
  again.Load(costs.Table());
  EXPECT_NEAR(again.Seconds(7, 99), costs.Seconds(7, 99), 1e-9);
}

}  // namespace
}  // namespace weir
