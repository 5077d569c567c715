#include "engine/run_threads.h"

#include "base/fake_clock.h"
#include "engine/fake_servable.h"

namespace weir {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

// A model whose runs are what the test says.
class FakeSource final : public RunSource {
 public:
  explicit FakeSource(std::function<void()> on_run) : on_run_(std::move(on_run)) {}

  TimePoint ReadyAt() const override { return left > 0 ? ready_at.load() : TimePoint::max(); }
  void RunOne() override {
    if (left.fetch_sub(1) <= 0) {  // another thread was quicker
      ++left;
      return;
    }
    on_run_();
    done.release();
  }
  void AwaitRuns(int count) {
    for (int i = 0; i < count; ++i) done.acquire();
  }

  std::atomic<int> left = 0;  // runs to do
  std::atomic<TimePoint> ready_at = TimePoint::min();
  std::counting_semaphore<> done{0};

 private:
  const std::function<void()> on_run_;
};

class RunThreadsTest : public ::testing::Test {
 protected:
  FakeClock clock_;
};

TEST_F(RunThreadsTest, RunsOneModelOnAllThreadsAtTheSameTime) {
  RunThreads threads(2, clock_);
  std::latch both(2);
  FakeSource source([&both] { both.arrive_and_wait(); });
  RunThreads::Share share(threads, source, 2);
  for (int i = 0; i < 2; ++i) {
    ++source.left;
    share.Wake();
  }
  source.AwaitRuns(2);
}

TEST_F(RunThreadsTest, IsInAModelWithNoMoreThreadsThanItHasWorkers) {
  RunThreads threads(3, clock_);
  std::atomic<int> inside = 0;
  std::atomic<bool> crowded = false;
  FakeSource source([&] {
    if (++inside > 1) crowded = true;
    --inside;
  });
  RunThreads::Share share(threads, source, 1);
  for (int i = 0; i < 1000; ++i) {
    ++source.left;
    share.Wake();
  }
  source.AwaitRuns(1000);
  EXPECT_FALSE(crowded);
}

TEST_F(RunThreadsTest, LosesNoWakeUp) {
  RunThreads threads(2, clock_);
  FakeSource source([] {});
  RunThreads::Share share(threads, source, 2);
  for (int i = 0; i < 2000; ++i) {
    ++source.left;
    share.Wake();
    source.AwaitRuns(1);
  }
}

TEST_F(RunThreadsTest, AThreadIsFreeForOneModelWhileAnotherRuns) {
  RunThreads threads(2, clock_);
  Gate gate;
  FakeSource slow([&gate] { gate.Enter(); });
  FakeSource quick([] {});
  RunThreads::Share a(threads, slow, 1);
  RunThreads::Share b(threads, quick, 2);
  ++slow.left;
  a.Wake();
  gate.AwaitEntered();
  quick.left += 3;
  b.Wake();
  quick.AwaitRuns(3);
  gate.Open();
}

TEST_F(RunThreadsTest, LooksAgainWhenWokenForWhatWasReadyOnlyLater) {
  RunThreads threads(1, clock_);
  FakeSource source([] {});
  RunThreads::Share share(threads, source, 1);
  source.ready_at = clock_.Now() + hours(1);
  ++source.left;
  share.Wake();
  source.ready_at = TimePoint::min();
  share.Wake();
  source.AwaitRuns(1);
}

TEST_F(RunThreadsTest, AModelThatLeavesWaitsForItsRunAndHasNoOther) {
  RunThreads threads(1, clock_);
  Gate gate;
  FakeSource source([&gate] { gate.Enter(); });
  auto share = std::make_unique<RunThreads::Share>(threads, source, 1);
  source.left = 1'000'000'000;  // more than there is time for
  share->Wake();
  gate.AwaitEntered();
  auto leaving = std::async(std::launch::async, [&] { share.reset(); });
  EXPECT_EQ(leaving.wait_for(std::chrono::milliseconds(1)), std::future_status::timeout);
  gate.Open();
  leaving.get();
  const int left = source.left;
  EXPECT_GT(left, 0);
  FakeSource other([] {});
  RunThreads::Share next(threads, other, 1);
  ++other.left;
  next.Wake();
  other.AwaitRuns(1);
  EXPECT_EQ(source.left, left);
}

// Plays models with runs of these lengths, each with more to run than there is time for, until so many runs are done;
// those from `late` on come when half of them are. Returns the time that each got.
std::vector<Duration> Play(FakeClock& clock, const std::vector<Duration>& lengths, int runs, std::size_t late) {
  RunThreads threads(1, clock);
  std::vector<Duration> used(lengths.size());
  std::vector<std::unique_ptr<FakeSource>> models;
  std::counting_semaphore<> end(0);
  int done = 0;
  const auto run = [&](std::size_t i) {
    clock.Advance(lengths[i]);
    used[i] += lengths[i];
    ++done;
    if (done == runs / 2) {
      for (std::size_t k = late; k < models.size(); ++k) models[k]->left = runs;
    }
    if (done < runs) return;
    for (const auto& model : models) model->left = 0;
    end.release();
  };
  std::vector<std::unique_ptr<RunThreads::Share>> shares;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    models.push_back(std::make_unique<FakeSource>([&run, i] { run(i); }));
    shares.push_back(std::make_unique<RunThreads::Share>(threads, *models[i], 1));
  }
  for (std::size_t i = 0; i < late; ++i) models[i]->left = runs + 1;
  shares[0]->Wake();
  end.acquire();
  shares.clear();
  return used;
}

TEST_F(RunThreadsTest, ModelsShareTheTimeAndNotTheTurns) {
  const auto used = Play(clock_, {seconds(20), seconds(1)}, 210, 2);
  EXPECT_NEAR(Seconds(used[0]), Seconds(used[1]), 21);
}

TEST_F(RunThreadsTest, WhoComesLateHasSavedNothingUp) {
  const auto used = Play(clock_, {seconds(1), seconds(1), seconds(1)}, 180, 1);
  EXPECT_NEAR(Seconds(used[0]), 90 + 30, 2);
  EXPECT_NEAR(Seconds(used[1]), 30, 2);
  EXPECT_NEAR(Seconds(used[2]), 30, 2);
}

TEST_F(RunThreadsTest, WhatBecomesReadyEndsAMeasurement) {
  RunThreads threads(2, clock_);
  Gate gate;
  FakeSource source([&gate] { gate.Enter(); });
  RunThreads::Share share(threads, source, 2);
  const std::stop_source measurement;
  ASSERT_TRUE(threads.TryMeasure(measurement));
  EXPECT_FALSE(threads.TryMeasure(std::stop_source()));  // one at a time
  ++source.left;
  share.Wake();
  gate.AwaitEntered();
  EXPECT_TRUE(measurement.stop_requested());
  threads.EndMeasuring();
  EXPECT_FALSE(threads.TryMeasure(std::stop_source()));  // not beside a run
  gate.Open();
  source.AwaitRuns(1);
}

}  // namespace
}  // namespace weir
