#include <map>
#include <set>

#include "base/fake_clock.h"
#include "engine/deployment.h"
#include "engine/fake_servable.h"

namespace weir {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Answer = std::future<Result<Output>>;

// A job of so many steps and rows, with a name that the test knows it by.
JobRequest Steps(std::int64_t name, std::int64_t steps, std::int64_t rows = 1) {
  Tensor input = Tensor::Uninitialised(DataType::kInt64, {3});
  std::ranges::copy(std::array{name, steps, rows}, input.Mutable<std::int64_t>().begin());
  return {.inputs = {input}};
}

// What steppers of one FakeSteps share with the test. Thread-safe.
struct StepLog {
  // Who is in each step, told before it. Set before the servable is used.
  std::function<void(const std::set<std::int64_t>&)> on_step = [](const auto&) {};
  std::atomic<bool> fails = false;
};

// Each step is one for every job; after its last a job gives its name.
class FakeStepper final : public Stepper {
 public:
  explicit FakeStepper(std::shared_ptr<StepLog> log) : log_(std::move(log)) {}

  std::size_t rows() const override { return 3; }
  std::size_t free_rows() const override {
    std::size_t used = 0;
    for (const auto& [id, job] : jobs_) used += job.rows;
    return rows() - used;
  }
  std::size_t RowsOf(const JobRequest& request) const override { return static_cast<std::size_t>(Part(request, 2)); }
  std::uint64_t TakeWork() override { return 1; }

  Result<Id> Join(const JobRequest& request, const std::stop_token&) override {
    if (Part(request, 1) == 0) return Fail(Code::kUnprocessable, "no steps");
    jobs_[next_] = {.name = Part(request, 0), .left = Part(request, 1), .rows = RowsOf(request)};
    return next_++;
  }
  Status Step(const std::stop_token&) override {
    std::set<std::int64_t> names;
    for (const auto& [id, job] : jobs_) names.insert(job.name);
    log_->on_step(names);
    if (log_->fails.exchange(false)) {
      jobs_.clear();
      return Fail(Code::kInternal, "the step failed");
    }
    for (auto& [id, job] : jobs_) --job.left;
    return {};
  }
  void Leave(Id id) override { jobs_.erase(id); }
  std::vector<std::pair<Id, Result<std::vector<Tensor>>>> TakeEnded(const std::stop_token&) override {
    std::vector<std::pair<Id, Result<std::vector<Tensor>>>> ended;
    for (const auto& [id, job] : jobs_) {
      if (job.left == 0) ended.emplace_back(id, Steps(job.name, 0).inputs);
    }
    for (const auto& [id, result] : ended) jobs_.erase(id);
    return ended;
  }

 private:
  struct Running {
    std::int64_t name = 0;
    std::int64_t left = 0;
    std::size_t rows = 1;
  };
  static std::int64_t Part(const JobRequest& request, std::size_t place) {
    return request.inputs[0].As<std::int64_t>()[place];
  }

  const std::shared_ptr<StepLog> log_;
  Id next_ = 1;
  std::map<Id, Running> jobs_;
};

class FakeSteps final : public Servable {
 public:
  explicit FakeSteps(std::shared_ptr<StepLog> log) : log_(std::move(log)) {}
  const Manifest& manifest() const override { return manifest_; }
  std::string_view task() const override { return "fake"; }
  std::size_t max_batch() const override { return 1; }
  Status WarmUp() const override { return {}; }
  std::unique_ptr<Runner> NewRunner() const override { return nullptr; }
  std::unique_ptr<Stepper> NewStepper() const override { return std::make_unique<FakeStepper>(log_); }
  bool steps() const override { return true; }

 private:
  const std::shared_ptr<StepLog> log_;
  Manifest manifest_;
};

class StepLanesTest : public ::testing::Test {
 protected:
  std::unique_ptr<Deployment> Deploy(std::size_t workers = 1) {
    const DeploymentContext context{.clock = clock_,
                                    .metrics = metrics_,
                                    .threads = threads_,
                                    .backlog = backlog_,
                                    .costs = nullptr,
                                    .note_deadline = [](Deadline) {}};
    return std::make_unique<Deployment>("m", std::make_shared<FakeSteps>(log_), DeploymentOptions{.workers = workers},
                                        context);
  }

  static Answer Submit(Deployment& deployment, JobRequest request) {
    auto promise = std::make_shared<std::promise<Result<Output>>>();
    Result<Permit> permit = deployment.Admit({}, request.deadline);
    EXPECT_TRUE(permit);
    deployment.Submit(std::move(request), std::move(*permit),
                      [promise](Result<Output> output) { promise->set_value(std::move(output)); });
    return promise->get_future();
  }

  // The step that comes next, and lets the one before it go.
  std::set<std::int64_t> NextStep() {
    if (std::exchange(begun_, true)) go_.release();
    stepping_.acquire();
    const std::lock_guard lock(names_mu_);
    return names_;
  }
  // Steps wait for NextStep, or for Release.
  void HoldSteps() {
    log_->on_step = [this](const std::set<std::int64_t>& names) {
      {
        const std::lock_guard lock(names_mu_);
        names_ = names;
      }
      stepping_.release();
      go_.acquire();
    };
  }
  void Release() { go_.release(1'000'000); }

  FakeClock clock_;
  Metrics metrics_;
  Backlog backlog_{2};
  RunThreads threads_{2, clock_};
  std::shared_ptr<StepLog> log_ = std::make_shared<StepLog>();
  std::mutex names_mu_;
  std::set<std::int64_t> names_;
  bool begun_ = false;
  std::counting_semaphore<> stepping_{0};
  std::counting_semaphore<> go_{0};
};

TEST_F(StepLanesTest, AnswersAJobAfterItsLastStep) {
  const auto deployment = Deploy();
  const Result<Output> output = Submit(*deployment, Steps(7, 5)).get();
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->tensors[0].As<std::int64_t>()[0], 7);
}

TEST_F(StepLanesTest, ANewcomerJoinsAtTheNextStepAndWhoHasEndedLeaves) {
  HoldSteps();
  const auto deployment = Deploy();
  Answer first = Submit(*deployment, Steps(1, 3));
  EXPECT_THAT(NextStep(), ElementsAre(1));
  Answer second = Submit(*deployment, Steps(2, 3));
  EXPECT_THAT(NextStep(), ElementsAre(1, 2));
  Answer third = Submit(*deployment, Steps(3, 1));
  EXPECT_THAT(NextStep(), ElementsAre(1, 2, 3));
  EXPECT_THAT(NextStep(), ElementsAre(2));
  Release();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  EXPECT_TRUE(third.get());
}

TEST_F(StepLanesTest, ACancelledJobLeavesAtTheNextStepAndMakesRoom) {
  HoldSteps();
  const auto deployment = Deploy();
  std::stop_source caller;
  JobRequest cancelled = Steps(1, 100, 3);
  cancelled.stop = caller.get_token();
  Answer first = Submit(*deployment, std::move(cancelled));
  EXPECT_THAT(NextStep(), ElementsAre(1));
  Answer second = Submit(*deployment, Steps(2, 1));
  caller.request_stop();
  EXPECT_THAT(NextStep(), ElementsAre(2));
  Release();
  EXPECT_EQ(first.get().error().code, Code::kCancelled);
  EXPECT_TRUE(second.get());
}

TEST_F(StepLanesTest, ALateJobIsAnsweredAtOnceAndLeavesAtTheNextStep) {
  HoldSteps();
  const auto deployment = Deploy();
  JobRequest late = Steps(1, 100);
  late.deadline = Deadline::After(clock_, seconds(1));
  Answer first = Submit(*deployment, std::move(late));
  Answer second = Submit(*deployment, Steps(2, 2));
  NextStep();
  EXPECT_THAT(NextStep(), ElementsAre(1, 2));
  clock_.Advance(seconds(2));
  deployment->Expire(clock_.Now());
  EXPECT_EQ(first.get().error().code, Code::kDeadlineExceeded);  // while the step goes on
  EXPECT_THAT(NextStep(), ElementsAre(2));
  Release();
  EXPECT_TRUE(second.get());
}

TEST_F(StepLanesTest, AJobThatNeedsMoreRowsThanAreFreeWaitsForThem) {
  HoldSteps();
  const auto deployment = Deploy();
  Answer first = Submit(*deployment, Steps(1, 2, 2));
  EXPECT_THAT(NextStep(), ElementsAre(1));
  Answer second = Submit(*deployment, Steps(2, 1, 2));
  EXPECT_THAT(NextStep(), ElementsAre(1));
  EXPECT_THAT(NextStep(), ElementsAre(2));
  Release();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
}

TEST_F(StepLanesTest, AStepThatFailsEndsThoseInItAndNobodyElse) {
  HoldSteps();
  const auto deployment = Deploy();
  Answer first = Submit(*deployment, Steps(1, 5));
  EXPECT_THAT(NextStep(), ElementsAre(1));
  log_->fails = true;
  Answer second = Submit(*deployment, Steps(2, 1));
  EXPECT_THAT(NextStep(), ElementsAre(2));
  Release();
  EXPECT_EQ(first.get().error().message, "the step failed");
  EXPECT_TRUE(second.get());
}

TEST_F(StepLanesTest, AJobThatCannotJoinHurtsNobody) {
  const auto deployment = Deploy();
  Answer good = Submit(*deployment, Steps(1, 50));
  EXPECT_EQ(Submit(*deployment, Steps(2, 0)).get().error().code, Code::kUnprocessable);
  EXPECT_TRUE(good.get());
}

TEST_F(StepLanesTest, TwoThreadsStepTwoSetsAtTheSameTime) {
  std::latch both(2);
  std::atomic<int> steps = 0;
  log_->on_step = [&](const std::set<std::int64_t>&) {
    if (steps++ < 2) both.arrive_and_wait();  // one set alone would never end
  };
  const auto deployment = Deploy(2);
  Answer first = Submit(*deployment, Steps(1, 2));
  Answer second = Submit(*deployment, Steps(2, 2));
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
}

TEST_F(StepLanesTest, AHardStopAnswersThoseUnderWayAndThoseInLine) {
  HoldSteps();
  auto deployment = Deploy();
  Answer running = Submit(*deployment, Steps(1, 100, 3));
  EXPECT_THAT(NextStep(), ElementsAre(1));
  Answer waiting = Submit(*deployment, Steps(2, 1));
  deployment->StopHard();
  EXPECT_EQ(waiting.get().error().code, Code::kUnavailable);
  Release();
  EXPECT_EQ(running.get().error().code, Code::kUnavailable);
}

TEST_F(StepLanesTest, DrainingWaitsForTheLastStep) {
  const auto deployment = Deploy(2);
  std::vector<Answer> answers;
  for (std::int64_t name = 0; name < 20; ++name) answers.push_back(Submit(*deployment, Steps(name, 1 + name % 7)));
  EXPECT_TRUE(deployment->Drain(Deadline::Never(), {}));
  for (Answer& answer : answers) EXPECT_TRUE(answer.get());
  EXPECT_EQ(deployment->status().running, 0U);
}

TEST_F(StepLanesTest, ManyJobsWithCancellationsAllEndWithTheirOwnAnswer) {
  const auto deployment = Deploy(2);
  std::vector<Answer> answers;
  std::vector<std::stop_source> callers(200);
  for (std::int64_t name = 0; name < 200; ++name) {
    JobRequest request = Steps(name, 1 + name % 5, 1 + name % 3);
    request.stop = callers[static_cast<std::size_t>(name)].get_token();
    answers.push_back(Submit(*deployment, std::move(request)));
    if (name % 4 == 0) callers[static_cast<std::size_t>(name / 2)].request_stop();
  }
  for (std::size_t name = 0; name < answers.size(); ++name) {
    const Result<Output> output = answers[name].get();
    if (output) {
      EXPECT_EQ(output->tensors[0].As<std::int64_t>()[0], static_cast<std::int64_t>(name));
    } else {
      EXPECT_EQ(output.error().code, Code::kCancelled);
    }
  }
  EXPECT_TRUE(deployment->Drain(Deadline::Never(), {}));
}

}  // namespace
}  // namespace weir
