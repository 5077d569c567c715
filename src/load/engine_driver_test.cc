#include "load/engine_driver.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace weir::load {
namespace {

TEST(DriveWork, RunsTheWorkAndCountsItsOutcomes) {
  Pacer pacer({.in_flight = 3, .warmup = {}, .requests = 20}, Clock::Steady().Now());
  std::vector<std::uint64_t> numbers;
  DriveWork(
      [&](std::uint64_t number, Deadline deadline, std::stop_token, Done done) {
        numbers.push_back(number);
        EXPECT_FALSE(deadline.IsNever());
        done(number % 4 == 3 ? OutcomeOf({Code::kResourceExhausted, "full"}) : Outcome{});  // answers at once
      },
      Clock::Steady(), pacer, {});
  const auto summary = pacer.Finish();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->requests, 20U);
  EXPECT_EQ(summary->succeeded, 15U);
  EXPECT_EQ(summary->errors.at("resource_exhausted").count, 5U);
  ASSERT_EQ(numbers.size(), 20U);
  for (std::uint64_t i = 0; i < 20; ++i) EXPECT_EQ(numbers[i], i);
}

TEST(DriveWork, TakesAnswersFromOtherThreads) {
  Pacer pacer({.rate = 5000, .in_flight = 8, .warmup = {}, .requests = 50}, Clock::Steady().Now());
  std::vector<std::jthread> threads;
  DriveWork([&](std::uint64_t, Deadline, std::stop_token,
                Done done) { threads.emplace_back([done = std::move(done)]() mutable { done({}); }); },
            Clock::Steady(), pacer, {});
  EXPECT_EQ(pacer.Finish()->succeeded, 50U);
}

TEST(DriveWork, AStopCancelsWhatIsUnderWayAndWaitsForIt) {
  Pacer pacer({.in_flight = 2, .warmup = {}}, Clock::Steady().Now());
  std::stop_source stop;
  std::atomic<int> cancelled = 0;
  std::vector<std::jthread> threads;
  DriveWork(
      [&](std::uint64_t number, Deadline, std::stop_token cancel, Done done) {
        // Ends only when it is cancelled.
        threads.emplace_back([&cancelled, cancel = std::move(cancel), done = std::move(done)]() mutable {
          std::promise<void> stopped;
          const std::stop_callback on_stop(cancel, [&] { stopped.set_value(); });
          stopped.get_future().wait();
          ++cancelled;
          done(OutcomeOf({Code::kCancelled, "stopped"}));
        });
        if (number == 1) stop.request_stop();
      },
      Clock::Steady(), pacer, stop.get_token());
  EXPECT_EQ(cancelled, 2);
  EXPECT_EQ(pacer.Finish()->unfinished, 2U);
}

TEST(OutcomeOf, OnlyAPassedDeadlineIsGivingUp) {
  EXPECT_TRUE(OutcomeOf({Code::kDeadlineExceeded, "late"}).gave_up);
  EXPECT_FALSE(OutcomeOf({Code::kUnavailable, "gone"}).gave_up);
  EXPECT_EQ(OutcomeOf({Code::kUnavailable, "gone"}).error, "unavailable");
}

}  // namespace
}  // namespace weir::load
