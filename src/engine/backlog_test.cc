#include "engine/backlog.h"

namespace weir {
namespace {

TEST(Backlog, APredictedWaitCountsTheOthersAsFarAsTurnsLetThemGoFirst) {
  Backlog all(2);
  Backlog::Share a(all);
  Backlog::Share b(all);
  a.Set(4);
  EXPECT_DOUBLE_EQ(a.PredictedWait(4, 2), 2);
  EXPECT_DOUBLE_EQ(a.PredictedWait(4, 1), 4);  // one worker uses one slot
  b.Set(100);
  EXPECT_DOUBLE_EQ(a.PredictedWait(4, 2), 4);  // two models in turns: twice its own
  b.Set(1);
  EXPECT_DOUBLE_EQ(a.PredictedWait(4, 2), 2.5);
  b.Set(0);
  EXPECT_DOUBLE_EQ(a.PredictedWait(4, 2), 2);
}

TEST(Backlog, AModelThatIsGoneIsForgotten) {
  Backlog all(1);
  Backlog::Share a(all);
  {
    Backlog::Share b(all);
    b.Set(100);
    EXPECT_DOUBLE_EQ(a.PredictedWait(1, 1), 2);
  }
  EXPECT_DOUBLE_EQ(a.PredictedWait(1, 1), 1);
}

}  // namespace
}  // namespace weir
