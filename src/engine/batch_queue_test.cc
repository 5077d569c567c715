#include "engine/batch_queue.h"

#include "base/fake_clock.h"

namespace weir {
namespace {

using std::chrono::seconds;

// What became of a job: empty while it is unanswered.
struct Fate {
  std::atomic<int> answers = 0;
  std::optional<Code> code;
};

class BatchQueueTest : public ::testing::Test {
 protected:
  JobPtr NewJob(Fate& fate, std::uint32_t length = 8, Deadline deadline = {}, std::stop_token stop = {}) {
    JobRequest request{.cost = {.length = length, .group = 1}, .deadline = deadline, .stop = std::move(stop)};
    return std::make_unique<Job>(
        std::move(request), Permit(),
        [&fate](const Result<Output>& result) {
          ++fate.answers;
          if (!result) fate.code = result.error().code;
        },
        clock_.Now());
  }

  FakeClock clock_;
  Fate a_, b_, c_;
  std::stop_source run_;
  BatchQueue queue_{{}, clock_};
};

TEST_F(BatchQueueTest, HandsOutJobsInOrderOfArrival) {
  const Job* first = nullptr;
  {
    JobPtr job = NewJob(a_, 100);
    first = job.get();
    EXPECT_EQ(queue_.Push(std::move(job)), nullptr);
  }
  EXPECT_EQ(queue_.Push(NewJob(b_, 10)), nullptr);
  const auto batch = queue_.Pop({}, run_);
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(batch[0].get(), first);
  EXPECT_EQ(queue_.size(), 1U);
  queue_.Done(batch);
}

TEST_F(BatchQueueTest, HandsOutWhatFitsTogether) {
  for (Fate* fate : {&a_, &b_, &c_}) EXPECT_EQ(queue_.Push(NewJob(*fate)), nullptr);
  const auto batch = queue_.Pop({}, run_);
  EXPECT_EQ(batch.size(), 3U);
  queue_.Done(batch);
}

TEST_F(BatchQueueTest, GivesTheJobBackWhenClosed) {
  queue_.Close();
  const JobPtr refused = queue_.Push(NewJob(a_));
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(a_.answers, 0);
  refused->reply.Answer(Output{});
}

TEST_F(BatchQueueTest, HandsOutWhatIsLeftAfterClosingAndThenNothing) {
  EXPECT_EQ(queue_.Push(NewJob(a_)), nullptr);
  queue_.Close();
  const auto batch = queue_.Pop({}, run_);
  EXPECT_EQ(batch.size(), 1U);
  queue_.Done(batch);
  EXPECT_TRUE(queue_.Pop({}, run_).empty());
}

TEST_F(BatchQueueTest, ClosingWakesAWorkerThatWaits) {
  auto waiting = std::async(std::launch::async, [&] { return queue_.Pop({}, run_); });
  queue_.Close();
  EXPECT_TRUE(waiting.get().empty());
}

TEST_F(BatchQueueTest, AStopRequestWakesAWorkerThatWaits) {
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] { return queue_.Pop(stop.get_token(), run_); });
  stop.request_stop();
  EXPECT_TRUE(waiting.get().empty());
}

TEST_F(BatchQueueTest, AnswersAQueuedJobWhenItsDeadlinePasses) {
  EXPECT_EQ(queue_.Push(NewJob(a_, 8, Deadline::After(clock_, seconds(1)))), nullptr);
  EXPECT_EQ(queue_.Push(NewJob(b_, 8, Deadline::After(clock_, seconds(5)))), nullptr);
  const TimePoint later = clock_.Now() + seconds(5);
  clock_.Advance(seconds(1));
  EXPECT_EQ(queue_.Expire(clock_.Now()), later);
  EXPECT_EQ(a_.code, Code::kDeadlineExceeded);
  EXPECT_EQ(b_.answers, 0);
  EXPECT_EQ(queue_.size(), 1U);
}

TEST_F(BatchQueueTest, AnswersARunningJobWhenItsDeadlinePassesAndOnlyOnce) {
  EXPECT_EQ(queue_.Push(NewJob(a_, 8, Deadline::After(clock_, seconds(1)))), nullptr);
  const auto batch = queue_.Pop({}, run_);
  clock_.Advance(seconds(2));
  EXPECT_EQ(queue_.Expire(clock_.Now()), TimePoint::max());
  EXPECT_EQ(a_.code, Code::kDeadlineExceeded);
  EXPECT_FALSE(batch[0]->reply.Answer(Output{}));
  queue_.Expire(clock_.Now());
  queue_.Done(batch);
  EXPECT_EQ(a_.answers, 1);
}

TEST_F(BatchQueueTest, StopsARunOnceNobodyWaitsForAnyOfItsJobs) {
  EXPECT_EQ(queue_.Push(NewJob(a_, 8, Deadline::After(clock_, seconds(1)))), nullptr);
  EXPECT_EQ(queue_.Push(NewJob(b_, 8, Deadline::After(clock_, seconds(2)))), nullptr);
  const auto batch = queue_.Pop({}, run_);
  ASSERT_EQ(batch.size(), 2U);
  clock_.Advance(seconds(1));
  queue_.Expire(clock_.Now());
  EXPECT_FALSE(run_.stop_requested());
  clock_.Advance(seconds(1));
  queue_.Expire(clock_.Now());
  EXPECT_TRUE(run_.stop_requested());
  queue_.Done(batch);
}

TEST_F(BatchQueueTest, AnswersAQueuedJobThatWasCancelled) {
  std::stop_source stop;
  EXPECT_EQ(queue_.Push(NewJob(a_, 8, Deadline::Never(), stop.get_token())), nullptr);
  stop.request_stop();
  queue_.Expire(clock_.Now());
  EXPECT_EQ(a_.code, Code::kCancelled);
}

TEST_F(BatchQueueTest, LosesNoJobAndDoublesNoneUnderManyThreads) {
  constexpr int kEach = 500;
  std::atomic<int> answered = 0;
  {
    std::vector<std::jthread> workers;
    for (int w = 0; w < 2; ++w) {
      workers.emplace_back([&] {
        for (auto batch = queue_.Pop({}, run_); !batch.empty(); batch = queue_.Pop({}, run_)) {
          queue_.Done(batch);
          for (const JobPtr& job : batch) job->reply.Answer(Output{});
        }
      });
    }
    std::vector<std::jthread> callers;
    for (int c = 0; c < 3; ++c) {
      callers.emplace_back([&] {
        for (int i = 0; i < kEach; ++i) {
          auto job = std::make_unique<Job>(
              JobRequest{.cost = {.length = 4, .group = 1}}, Permit(), [&](const Result<Output>&) { ++answered; },
              clock_.Now());
          EXPECT_EQ(queue_.Push(std::move(job)), nullptr);
          if (i % 50 == 0) queue_.Expire(clock_.Now());
        }
      });
    }
    callers.clear();
    queue_.Close();
  }
  EXPECT_EQ(answered, 3 * kEach);
}

}  // namespace
}  // namespace weir
