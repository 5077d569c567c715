#include "engine/deployment.h"

#include "base/count_allocations.h"
#include "base/fake_clock.h"
#include "engine/fake_servable.h"

namespace weir {
namespace {

using std::chrono::seconds;
using Answer = std::future<Result<Output>>;

class DeploymentTest : public ::testing::Test {
 protected:
  std::unique_ptr<Deployment> Deploy(const DeploymentOptions& options = {.workers = 1}) {
    const DeploymentContext context{.clock = clock_,
                                    .metrics = metrics_,
                                    .threads = threads_,
                                    .backlog = backlog_,
                                    .costs = nullptr,
                                    .note_deadline = [](Deadline) {}};
    return std::make_unique<Deployment>("m", std::make_shared<FakeServable>(runs_), options, context);
  }

  static Answer Submit(Deployment& deployment, JobRequest request = {}) {
    auto promise = std::make_shared<std::promise<Result<Output>>>();
    Result<Permit> permit = deployment.Admit({}, request.deadline);
    if (!permit) {
      promise->set_value(Forward(permit));
    } else {
      deployment.Submit(std::move(request), std::move(*permit),
                        [promise](Result<Output> output) { promise->set_value(std::move(output)); });
    }
    return promise->get_future();
  }

  void HoldRunsAt(Gate& gate) {
    runs_->on_run = [&gate](auto, const auto&) { gate.Enter(); };
  }

  FakeClock clock_;
  Metrics metrics_;
  Backlog backlog_{2};
  RunThreads threads_{2, clock_};
  std::shared_ptr<FakeRuns> runs_ = std::make_shared<FakeRuns>();
};

TEST_F(DeploymentTest, AnswersAJobWithItsOwnOutput) {
  const auto deployment = Deploy();
  Tensor input = Tensor::Uninitialised(DataType::kInt64, {1});
  input.Mutable<std::int64_t>()[0] = 42;
  const Result<Output> output = Submit(*deployment, {.inputs = {input}}).get();
  ASSERT_TRUE(output);
  EXPECT_EQ(output->tensors[0].As<std::int64_t>()[0], 42);
}

TEST_F(DeploymentTest, RunsJobsOfSeveralWorkersAtTheSameTime) {
  std::latch both(2);
  runs_->on_run = [&both](auto, const auto&) { both.arrive_and_wait(); };  // one worker alone would never end
  const auto deployment = Deploy({.workers = 2});
  Answer one = Submit(*deployment);
  Answer two = Submit(*deployment);
  EXPECT_TRUE(one.get());
  EXPECT_TRUE(two.get());
}

TEST_F(DeploymentTest, RefusesAFullQueueAtOnceWhileTheWorkerIsBusy) {
  Gate gate;
  HoldRunsAt(gate);
  const auto deployment = Deploy({.workers = 1, .admission = {.max_jobs = 2}});
  Answer running = Submit(*deployment);
  gate.AwaitEntered();
  Answer queued = Submit(*deployment);
  EXPECT_EQ(Submit(*deployment).get().error().code, Code::kResourceExhausted);
  gate.Open();
  EXPECT_TRUE(running.get());
  EXPECT_TRUE(queued.get());
  EXPECT_THAT(metrics_.Render(),
              ::testing::HasSubstr("weir_requests_refused_total{model=\"m\",reason=\"max_jobs\"} 1"));
}

TEST_F(DeploymentTest, RefusesNobodyForAQueueOfJobsThatNobodyWaitsFor) {
  Gate gate;
  HoldRunsAt(gate);
  const auto deployment = Deploy({.workers = 1, .admission = {.max_jobs = 3}});
  Answer running = Submit(*deployment);
  gate.AwaitEntered();
  std::stop_source client;
  Answer given_up = Submit(*deployment, {.stop = client.get_token()});
  Answer waiting = Submit(*deployment);
  EXPECT_EQ(Submit(*deployment).get().error().code, Code::kResourceExhausted);
  client.request_stop();
  clock_.Advance(seconds(1));
  Answer instead = Submit(*deployment);
  EXPECT_EQ(given_up.get().error().code, Code::kCancelled);  // at once, not when its turn comes
  gate.Open();
  EXPECT_TRUE(running.get());
  EXPECT_TRUE(waiting.get());
  EXPECT_TRUE(instead.get());
}

TEST_F(DeploymentTest, WorkersAndBoundsMayBeChangedWhileJobsRun) {
  Gate gate;
  HoldRunsAt(gate);
  const auto deployment = Deploy({.workers = 1, .admission = {.max_jobs = 2}});
  Answer first = Submit(*deployment);
  gate.AwaitEntered();
  Answer second = Submit(*deployment);
  EXPECT_FALSE(Submit(*deployment).get());
  deployment->Change({.workers = 2, .max_jobs = 3});
  gate.AwaitEntered();  // a second worker has taken it
  Answer third = Submit(*deployment);
  EXPECT_FALSE(Submit(*deployment).get());
  deployment->Change({.workers = 1, .max_jobs = 1});
  gate.Open();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  EXPECT_TRUE(third.get());
  EXPECT_EQ(deployment->status().workers, 1U);
  EXPECT_TRUE(Submit(*deployment).get());
}

TEST_F(DeploymentTest, DoesNotRunWhatExpiredInTheQueue) {
  Gate gate;
  HoldRunsAt(gate);
  const auto deployment = Deploy();
  Answer running = Submit(*deployment);
  gate.AwaitEntered();
  Answer expired = Submit(*deployment, {.deadline = Deadline::After(clock_, seconds(1))});
  clock_.Advance(seconds(2));
  gate.Open();
  EXPECT_EQ(expired.get().error().code, Code::kDeadlineExceeded);
  EXPECT_TRUE(running.get());
  EXPECT_EQ(runs_->jobs, 1);
}

TEST_F(DeploymentTest, DoesNotRunWhatWasCancelledInTheQueue) {
  Gate gate;
  HoldRunsAt(gate);
  const auto deployment = Deploy();
  Answer running = Submit(*deployment);
  gate.AwaitEntered();
  std::stop_source stop;
  Answer cancelled = Submit(*deployment, {.stop = stop.get_token()});
  stop.request_stop();
  gate.Open();
  EXPECT_EQ(cancelled.get().error().code, Code::kCancelled);
  EXPECT_TRUE(running.get());
  EXPECT_EQ(runs_->jobs, 1);
}

TEST_F(DeploymentTest, StopsARunWhoseOnlyCallerCancels) {
  std::latch inside(1);
  runs_->on_run = [&inside](auto, const std::stop_token& stop) {
    inside.count_down();
    std::latch stopped(1);
    const std::stop_callback on_stop(stop, [&stopped] { stopped.count_down(); });
    stopped.wait();
  };
  const auto deployment = Deploy();
  std::stop_source stop;
  Answer answer = Submit(*deployment, {.stop = stop.get_token()});
  inside.wait();
  stop.request_stop();
  EXPECT_EQ(answer.get().error().code, Code::kCancelled);
}

TEST_F(DeploymentTest, AnswersARunningJobAtItsDeadlineAndKeepsItsPlaceTaken) {
  Gate gate;
  HoldRunsAt(gate);
  const auto deployment = Deploy();
  Answer answer = Submit(*deployment, {.deadline = Deadline::After(clock_, seconds(1))});
  gate.AwaitEntered();
  clock_.Advance(seconds(1));
  deployment->Expire(clock_.Now());
  EXPECT_EQ(answer.get().error().code, Code::kDeadlineExceeded);
  EXPECT_EQ(deployment->status().jobs, 1U);  // the run is still on
  gate.Open();
  EXPECT_TRUE(deployment->Drain(Deadline::Never(), {}));
}

TEST_F(DeploymentTest, BatchesWhatGatheredWhileTheWorkerWasBusy) {
  Gate gate;
  HoldRunsAt(gate);
  const auto deployment = Deploy({.workers = 1, .batch = {.mode = BatchMode::kAlways}});
  Answer first = Submit(*deployment, {.cost = {.length = 8, .group = 1}});
  gate.AwaitEntered();
  std::vector<Answer> rest;
  for (int i = 0; i < 4; ++i) rest.push_back(Submit(*deployment, {.cost = {.length = 8, .group = 1}}));
  gate.Open();
  for (Answer& answer : rest) EXPECT_TRUE(answer.get());
  EXPECT_EQ(runs_->runs, 2);
  EXPECT_EQ(runs_->jobs, 5);
}

TEST_F(DeploymentTest, ARunThatThrowsAnswersItsJobsAndTheNextRunWorks) {
  runs_->on_run = [this](auto, const auto&) {
    if (runs_->runs == 1) throw std::runtime_error("the backend broke");
  };
  const auto deployment = Deploy();
  const Result<Output> broken = Submit(*deployment).get();
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::kInternal);
  EXPECT_EQ(broken.error().message, "the backend broke");
  EXPECT_TRUE(Submit(*deployment).get());
}

TEST_F(DeploymentTest, DrainWaitsForWhatIsRunningAndRefusesTheRest) {
  Gate gate;
  HoldRunsAt(gate);
  const auto deployment = Deploy();
  Answer running = Submit(*deployment);
  gate.AwaitEntered();
  deployment->Close();
  EXPECT_EQ(Submit(*deployment).get().error().code, Code::kUnavailable);
  auto drained = std::async(std::launch::async, [&] { return deployment->Drain(Deadline::Never(), {}); });
  gate.Open();
  EXPECT_TRUE(drained.get());
  EXPECT_TRUE(running.get());
}

TEST_F(DeploymentTest, AtTheEndOfADrainTheRestIsAnsweredUnavailable) {
  Gate gate;
  HoldRunsAt(gate);
  const auto deployment = Deploy();
  Answer running = Submit(*deployment);
  gate.AwaitEntered();
  Answer queued = Submit(*deployment);
  EXPECT_FALSE(deployment->Drain(Deadline(TimePoint()), {}));
  EXPECT_EQ(queued.get().error().code, Code::kUnavailable);
  gate.Open();
  EXPECT_EQ(running.get().error().code, Code::kUnavailable);
}

TEST_F(DeploymentTest, DestructionAnswersEveryJob) {
  Gate gate;
  HoldRunsAt(gate);
  auto deployment = Deploy();
  std::vector<Answer> answers;
  answers.push_back(Submit(*deployment));
  gate.AwaitEntered();
  for (int i = 0; i < 10; ++i) answers.push_back(Submit(*deployment));
  gate.Open();
  deployment = nullptr;
  for (Answer& answer : answers) answer.get();  // a broken promise would throw
}

TEST_F(DeploymentTest, RunsACheapModelOnTheCallersThreadAndBatchesNothingThere) {
  const auto deployment = Deploy();
  std::thread::id ran_on;
  runs_->on_run = [&ran_on](auto, const auto&) { ran_on = std::this_thread::get_id(); };
  const auto offer = [&] {
    std::promise<void> answered;
    deployment->Offer({}, [&](const Result<Output>& output) {
      EXPECT_TRUE(output);
      answered.set_value();
    });
    answered.get_future().wait();
  };
  for (int i = 0; i < 32; ++i) {
    offer();
    EXPECT_NE(ran_on, std::this_thread::get_id()) << i;  // not known to be cheap yet
  }
  offer();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST_F(DeploymentTest, ARunThatTurnsOutExpensiveSendsTheNextOnesToTheWorkers) {
  const auto deployment = Deploy();
  std::thread::id ran_on;
  Duration cost{};
  runs_->on_run = [&](auto, const auto&) {
    ran_on = std::this_thread::get_id();
    clock_.Advance(cost);
  };
  const auto offer = [&] {
    std::promise<void> answered;
    deployment->Offer({}, [&](const Result<Output>&) { answered.set_value(); });
    answered.get_future().wait();
    return ran_on == std::this_thread::get_id();
  };
  for (int i = 0; i < 64; ++i) offer();
  EXPECT_TRUE(offer());
  cost = std::chrono::milliseconds(2);
  EXPECT_TRUE(offer());  // nobody could know
  // The next one goes elsewhere; where this thread had just lost its core, one of the next.
  int more = 0;
  while (more < 32 && offer()) ++more;
  EXPECT_LT(more, 32);
  cost = {};
  EXPECT_FALSE(offer());
}

// What a caller hands in is the caller's; the engine itself allocates nothing for a job once it runs steadily.
TEST_F(DeploymentTest, SubmittingAllocatesNothingInTheSteadyState) {
  Gate warm_up;
  Gate gate;
  HoldRunsAt(warm_up);
  const auto deployment = Deploy({.workers = 1, .admission = {.max_jobs = 4096}});
  std::atomic<int> answered = 0;
  const auto submit = [&] {
    Result<Permit> permit = deployment->Admit({}, Deadline::Never());
    deployment->Submit({}, std::move(*permit), [&answered](const Result<Output>&) {
      ++answered;
      answered.notify_one();
    });
  };
  const auto wait_for = [&](int count) {
    for (int now = answered; now < count; now = answered) answered.wait(now);
  };
  for (int i = 0; i < 200; ++i) submit();
  warm_up.Open();
  wait_for(200);
  HoldRunsAt(gate);
  submit();
  gate.AwaitEntered();
  const std::size_t before = test::AllocationsOfThisThread();
  for (int i = 0; i < 100; ++i) submit();
  EXPECT_EQ(test::AllocationsOfThisThread() - before, 0U);
  gate.Open();
  wait_for(301);
}

}  // namespace
}  // namespace weir
