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

// Plays runs of these lengths on one slot, each model always with work; returns the time that each got.
std::vector<Duration> Play(RunSlots& slots, std::vector<RunSlots::Share*> shares, std::vector<Duration> runs,
                           int count) {
  std::vector<Duration> used(shares.size());
  std::vector<std::future<bool>> waiting(shares.size());
  std::size_t now = 0;
  for (std::size_t i = 1; i < shares.size(); ++i) {
    waiting[i] = std::async(std::launch::async, [&, i] { return shares[i]->Acquire({}); });
    while (slots.waiting() < i) std::this_thread::yield();
  }
  for (int run = 0; run < count; ++run) {
    used[now] += runs[now];
    if (shares[now]->KeepAfter(runs[now])) continue;
    const std::size_t before = now;
    for (std::size_t i = 0; now == before; i = (i + 1) % shares.size()) {
      const bool granted = waiting[i].valid() && waiting[i].wait_for(seconds(0)) == std::future_status::ready;
      if (granted) now = i;
      std::this_thread::yield();
    }
    waiting[now].get();
    const std::size_t others = slots.waiting();
    waiting[before] = std::async(std::launch::async, [&, before] { return shares[before]->Acquire({}); });
    while (slots.waiting() == others) std::this_thread::yield();
  }
  shares[now]->Release();
  for (std::size_t left = shares.size() - 1, i = 0; left > 0; i = (i + 1) % shares.size()) {
    if (!waiting[i].valid() || waiting[i].wait_for(seconds(0)) != std::future_status::ready) continue;
    waiting[i].get();
    shares[i]->Release();
    --left;
  }
  return used;
}

TEST(RunSlots, ModelsShareTheTimeAndNotTheTurns) {
  RunSlots slots(1);
  RunSlots::Share a(slots);
  RunSlots::Share b(slots);
  ASSERT_TRUE(a.Acquire({}));
  const auto used = Play(slots, {&a, &b}, {seconds(20), seconds(1)}, 200);
  EXPECT_NEAR(Seconds(used[0]), Seconds(used[1]), 21);
}

TEST(RunSlots, WhoComesLateHasSavedNothingUp) {
  RunSlots slots(1);
  RunSlots::Share a(slots);
  RunSlots::Share b(slots);
  RunSlots::Share c(slots);
  ASSERT_TRUE(a.Acquire({}));
  for (int i = 0; i < 3600; ++i) EXPECT_TRUE(a.KeepAfter(seconds(1)));  // an hour alone
  const auto used = Play(slots, {&a, &b, &c}, {seconds(1), seconds(1), seconds(1)}, 90);
  for (const Duration one : used) EXPECT_NEAR(Seconds(one), 30, 2);
}

TEST(RunSlots, WhoeverWantsToRunEndsAMeasurement) {
  RunSlots slots(2);
  RunSlots::Share a(slots);
  RunSlots::Share b(slots);
  const std::stop_source measurement;
  ASSERT_TRUE(a.AcquireToMeasure(measurement));
  EXPECT_FALSE(b.AcquireToMeasure(std::stop_source()));  // one at a time
  EXPECT_TRUE(b.Acquire({}));
  EXPECT_TRUE(measurement.stop_requested());
  b.Release();
  a.Release();
  ASSERT_TRUE(b.Acquire({}));
  EXPECT_FALSE(a.AcquireToMeasure(std::stop_source()));  // not beside a run
  b.Release();
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
