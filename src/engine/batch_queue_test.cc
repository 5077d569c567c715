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

  // Takes what is ready, as a worker does.
  Batch Pop() {
    Batch batch;
    if (queue_.ReadyAt() <= clock_.Now()) queue_.Take(batch);
    return batch;
  }

  FakeClock clock_;
  Fate a_, b_, c_;
  CostModel costs_;
  BatchQueue queue_{{.mode = BatchMode::kAlways}, 1, costs_, clock_};
};

TEST_F(BatchQueueTest, HandsOutJobsInOrderOfArrival) {
  const Job* first = nullptr;
  {
    JobPtr job = NewJob(a_, 16000);
    first = job.get();
    EXPECT_EQ(queue_.Push(std::move(job)), nullptr);
  }
  EXPECT_EQ(queue_.Push(NewJob(b_, 10)), nullptr);
  const auto batch = Pop();
  ASSERT_EQ(batch.jobs.size(), 1U);
  EXPECT_EQ(batch.jobs[0].get(), first);
  EXPECT_EQ(queue_.counts().queued, 1U);
  queue_.Done(batch.jobs);
}

TEST_F(BatchQueueTest, HandsOutWhatFitsTogether) {
  for (Fate* fate : {&a_, &b_, &c_}) EXPECT_EQ(queue_.Push(NewJob(*fate)), nullptr);
  const auto batch = Pop();
  EXPECT_EQ(batch.jobs.size(), 3U);
  queue_.Done(batch.jobs);
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
  const auto batch = Pop();
  EXPECT_EQ(batch.jobs.size(), 1U);
  queue_.Done(batch.jobs);
  EXPECT_TRUE(Pop().jobs.empty());
}

TEST_F(BatchQueueTest, SaysWhenThereIsSomethingToTake) {
  EXPECT_EQ(queue_.ReadyAt(), TimePoint::max());
  EXPECT_EQ(queue_.Push(NewJob(a_)), nullptr);
  EXPECT_LE(queue_.ReadyAt(), clock_.Now());
  const auto batch = Pop();
  EXPECT_EQ(queue_.ReadyAt(), TimePoint::max());
  queue_.Done(batch.jobs);
  EXPECT_EQ(queue_.Push(NewJob(b_, 8, Deadline::After(clock_, seconds(1)))), nullptr);
  clock_.Advance(seconds(1));
  queue_.Expire(clock_.Now());
  EXPECT_EQ(queue_.ReadyAt(), TimePoint::max());
}

TEST_F(BatchQueueTest, AnswersAQueuedJobWhenItsDeadlinePasses) {
  EXPECT_EQ(queue_.Push(NewJob(a_, 8, Deadline::After(clock_, seconds(1)))), nullptr);
  EXPECT_EQ(queue_.Push(NewJob(b_, 8, Deadline::After(clock_, seconds(5)))), nullptr);
  const TimePoint later = clock_.Now() + seconds(5);
  clock_.Advance(seconds(1));
  EXPECT_EQ(queue_.Expire(clock_.Now()), later);
  EXPECT_EQ(a_.code, Code::kDeadlineExceeded);
  EXPECT_EQ(b_.answers, 0);
  EXPECT_EQ(queue_.counts().queued, 1U);
}

TEST_F(BatchQueueTest, AnswersARunningJobWhenItsDeadlinePassesAndOnlyOnce) {
  EXPECT_EQ(queue_.Push(NewJob(a_, 8, Deadline::After(clock_, seconds(1)))), nullptr);
  const auto batch = Pop();
  clock_.Advance(seconds(2));
  EXPECT_EQ(queue_.Expire(clock_.Now()), TimePoint::max());
  EXPECT_EQ(a_.code, Code::kDeadlineExceeded);
  EXPECT_FALSE(batch.jobs[0]->reply.Answer(Output{}));
  queue_.Expire(clock_.Now());
  queue_.Done(batch.jobs);
  EXPECT_EQ(a_.answers, 1);
}

TEST_F(BatchQueueTest, StopsARunOnceNobodyWaitsForAnyOfItsJobs) {
  EXPECT_EQ(queue_.Push(NewJob(a_, 8, Deadline::After(clock_, seconds(1)))), nullptr);
  EXPECT_EQ(queue_.Push(NewJob(b_, 8, Deadline::After(clock_, seconds(2)))), nullptr);
  const auto batch = Pop();
  ASSERT_EQ(batch.jobs.size(), 2U);
  clock_.Advance(seconds(1));
  queue_.Expire(clock_.Now());
  EXPECT_FALSE(batch.run.stop_requested());
  clock_.Advance(seconds(1));
  queue_.Expire(clock_.Now());
  EXPECT_TRUE(batch.run.stop_requested());
  queue_.Done(batch.jobs);
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
  std::atomic<bool> all_pushed = false;
  {
    std::vector<std::jthread> workers;
    for (int w = 0; w < 2; ++w) {
      workers.emplace_back([&] {
        for (;;) {
          const bool last = all_pushed;
          const Batch batch = Pop();
          if (batch.jobs.empty() && last) break;
          queue_.Done(batch.jobs);
          for (const JobPtr& job : batch.jobs) job->reply.Answer(Output{});
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
    all_pushed = true;
  }
  EXPECT_EQ(answered, 3 * kEach);
}

TEST_F(BatchQueueTest, ABigRequestsLaterTextsLetANewcomerIn) {
  constexpr std::uint32_t kLength = 9000;  // such a text runs alone
  std::vector<const Job*> order;
  const auto push = [&](std::uint64_t work_before) {
    JobRequest request{.cost = {.length = kLength, .group = 1}, .work_before = work_before};
    JobPtr job = std::make_unique<Job>(std::move(request), Permit(), [](const Result<Output>&) {}, clock_.Now());
    order.push_back(job.get());
    EXPECT_EQ(queue_.Push(std::move(job)), nullptr);
  };
  const auto expect_next = [&](std::size_t expected) {
    const Batch batch = Pop();
    ASSERT_EQ(batch.jobs.size(), 1U);
    EXPECT_EQ(batch.jobs[0].get(), order[expected]);
    queue_.Done(batch.jobs);
  };
  for (const std::uint64_t text : {0, 1, 2, 3}) push(text * kLength);
  expect_next(0);
  push(0);  // its turn is at once, together with the second text's, which came first
  push(0);
  for (const std::size_t next : {1, 4, 2, 5}) expect_next(next);
  push(0);
  for (const std::size_t next : {3, 6}) expect_next(next);
}

// Also where each text runs alone because its graph takes one at a time.
TEST_F(BatchQueueTest, ABigRequestGoesOnWhileOthersComeWhoseJobsRunAlone) {
  const auto push = [&](Fate& fate, std::uint64_t work_before) {
    JobPtr job = NewJob(fate);
    job->request.cost.group = 0;
    job->request.work_before = work_before;
    EXPECT_EQ(queue_.Push(std::move(job)), nullptr);
  };
  push(a_, 0);
  push(b_, 8);  // the big request's second text
  for (int newcomer = 0; newcomer < 3; ++newcomer) {
    push(c_, 0);
    const Batch batch = Pop();
    for (const JobPtr& job : batch.jobs) job->reply.Answer(Output{});
    queue_.Done(batch.jobs);
  }
  EXPECT_EQ(a_.answers + b_.answers, 2);
}

TEST_F(BatchQueueTest, NobodyPassesTheLine) {
  const JobPtr cheap = NewJob(a_);
  EXPECT_TRUE(queue_.TakePast(*cheap, std::stop_source()));
  queue_.Done(std::span(&cheap, 1));
  EXPECT_EQ(queue_.Push(NewJob(b_)), nullptr);
  EXPECT_FALSE(queue_.TakePast(*cheap, std::stop_source()));
}

}  // namespace
}  // namespace weir
