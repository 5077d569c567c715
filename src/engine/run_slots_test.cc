#include "engine/run_slots.h"

#include <latch>
#include <thread>

namespace weir {
namespace {

using std::chrono::seconds;

TEST(RunSlots, HandsOutAsManyAsThereAre) {
  RunSlots slots(2);
  RunSlots::Share share(slots);
  EXPECT_TRUE(slots.idle());
  EXPECT_TRUE(share.Acquire({}));
  EXPECT_TRUE(share.Acquire({}));
  EXPECT_FALSE(slots.idle());
  share.Release();
  share.Release();
  EXPECT_TRUE(slots.idle());
}

TEST(RunSlots, WhoWaitsGetsTheSlotThatComesFree) {
  RunSlots slots(1);
  RunSlots::Share a(slots);
  RunSlots::Share b(slots);
  ASSERT_TRUE(a.Acquire({}));
  auto waiting = std::async(std::launch::async, [&] { return b.Acquire({}); });
  a.Release();
  EXPECT_TRUE(waiting.get());
  b.Release();
}

TEST(RunSlots, AStopRequestEndsTheWaitingAndLosesNoSlot) {
  RunSlots slots(1);
  RunSlots::Share a(slots);
  RunSlots::Share b(slots);
  ASSERT_TRUE(a.Acquire({}));
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] { return b.Acquire(stop.get_token()); });
  stop.request_stop();
  EXPECT_FALSE(waiting.get());
  a.Release();
  EXPECT_TRUE(slots.idle());
}

TEST(RunSlots, AModelAloneKeepsItsSlot) {
  RunSlots slots(1);
  RunSlots::Share a(slots);
  ASSERT_TRUE(a.Acquire({}));
  EXPECT_TRUE(a.KeepAfter(seconds(100)));
  a.Release();
}

// Three models that always have work, whose runs take 1, 2 and 4 units: each gets a third of the time.
TEST(RunSlots, ModelsShareTheTimeAndNotTheTurns) {
  RunSlots slots(1);
  constexpr int kRuns = 2800;
  std::array<std::atomic<int>, 3> used{};
  std::atomic<int> left = kRuns;
  std::latch start(3);
  {
    std::vector<std::jthread> threads;
    for (const int model : {0, 1, 2}) {
      threads.emplace_back([&, model] {
        RunSlots::Share share(slots);
        start.arrive_and_wait();
        const int cost = 1 << model;
        bool held = false;
        while (left.fetch_sub(1) > 0) {
          if (!held) ASSERT_TRUE(share.Acquire({}));
          used[static_cast<std::size_t>(model)] += cost;
          std::this_thread::yield();  // lets the others come to wait
          held = share.KeepAfter(seconds(cost));
        }
        if (held) share.Release();
      });
    }
  }
  // On a loaded machine a thread may be slow to come back and wait; what the slots can promise is no starvation.
  const int all = used[0] + used[1] + used[2];
  for (const auto& one : used) EXPECT_GT(one, all / 6);
}

TEST(RunSlots, WhoWasAwayHasSavedNothingUp) {
  RunSlots slots(1);
  RunSlots::Share busy(slots);
  RunSlots::Share late(slots);
  ASSERT_TRUE(busy.Acquire({}));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(busy.KeepAfter(seconds(1)));
  busy.Release();
  ASSERT_TRUE(busy.Acquire({}));
  EXPECT_TRUE(busy.KeepAfter(seconds(1)));
  auto first = std::async(std::launch::async, [&] { return late.Acquire({}); });
  while (busy.KeepAfter(seconds(0))) std::this_thread::yield();
  EXPECT_TRUE(first.get());
  auto back = std::async(std::launch::async, [&] { return busy.Acquire({}); });
  while (late.KeepAfter(seconds(2))) std::this_thread::yield();  // two seconds against one: no credit of a hundred
  EXPECT_TRUE(back.get());
  busy.Release();
}

TEST(RunSlots, APredictedWaitCountsTheOthersAsFarAsTurnsLetThemGoFirst) {
  RunSlots slots(2);
  RunSlots::Share a(slots);
  RunSlots::Share b(slots);
  a.SetBacklog(4);
  EXPECT_DOUBLE_EQ(a.PredictedWait(4, 2), 2);
  EXPECT_DOUBLE_EQ(a.PredictedWait(4, 1), 4);  // one worker uses one slot
  b.SetBacklog(100);
  EXPECT_DOUBLE_EQ(a.PredictedWait(4, 2), 4);  // two models in turns: twice its own
  b.SetBacklog(1);
  EXPECT_DOUBLE_EQ(a.PredictedWait(4, 2), 2.5);
  b.SetBacklog(0);
  EXPECT_DOUBLE_EQ(a.PredictedWait(4, 2), 2);
}

}  // namespace
}  // namespace weir
