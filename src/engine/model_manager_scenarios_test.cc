// The scenarios of the load-once service that Weir replaces, with callers on threads of their own:
// docs/contract-proof.md.
#include "base/test_paths.h"
#include "engine/registry_fixture.h"
#include "engine/tensor_servable.h"
#include "model/onnx/onnx_backend.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class ModelManagerScenarios : public RegistryTest {
 protected:
  using Answers = std::vector<Result<Output>>;

  // What each of so many callers gets who use the model at the same moment, each on a thread of his own.
  static Answers Together(std::size_t callers, const std::function<Result<Output>()>& call) {
    Answers answers(callers, Fail(Code::kInternal, "not called"));
    std::latch all(static_cast<std::ptrdiff_t>(callers));
    std::vector<std::jthread> threads;
    for (Result<Output>& answer : answers) {
      threads.emplace_back([&] {
        all.arrive_and_wait();
        answer = call();
      });
    }
    threads.clear();
    return answers;
  }

  // As a request does: waits for the model, then for the inference.
  Result<Output> Use(Deadline deadline = {}) {
    auto ready = WhenReady(registry_, "m", deadline).get();
    if (!ready) return Forward(ready);
    return Submit(**ready).get();
  }

  void HoldRuns() {
    runs_->on_run = [this](auto, const auto&) { run_gate_.Enter(); };
  }
  ModelStatus Told() { return *registry_.StateOf("m"); }
  bool LoadIsUnderWay() { return Told().loading; }

  Gate run_gate_;
};

TEST_F(ModelManagerScenarios, ThreeThreadsWithinTheLimitAllSucceed) {
  ASSERT_TRUE(Load(registry_, "m").get());
  ASSERT_TRUE(registry_.Change("m", {.serving = {.max_jobs = 3}}));
  HoldRuns();
  std::jthread opener([this] {  // once all three hold a place
    while (Told().serving.jobs < 3) std::this_thread::yield();
    run_gate_.Open();
  });
  for (const Result<Output>& answer : Together(3, [this] { return Use(); })) EXPECT_TRUE(answer);
}

TEST_F(ModelManagerScenarios, WithALimitOfOneOneOfThreeThreadsIsServedAndTheOthersAreRefusedAtOnce) {
  ASSERT_TRUE(Load(registry_, "m").get());
  ASSERT_TRUE(registry_.Change("m", {.serving = {.workers = 1, .max_jobs = 1}}));
  HoldRuns();
  std::atomic<int> refused = 0;
  const Answers answers = Together(3, [&] {
    Result<Output> answer = Use();
    // The one that runs goes on when the others have heard: nobody waited for it.
    if (!answer && ++refused == 2) run_gate_.Open();
    return answer;
  });
  EXPECT_EQ(std::ranges::count_if(answers, [](const auto& answer) { return answer.has_value(); }), 1);
  for (const Result<Output>& answer : answers) {
    if (answer) continue;
    EXPECT_EQ(answer.error().code, Code::kResourceExhausted);
    EXPECT_EQ(answer.error().message, "the queue is full: 1 of 1 jobs");
    EXPECT_GT(answer.error().retry_after, milliseconds(0));
  }
}

TEST_F(ModelManagerScenarios, TheCounterIsBackAtZeroAfterSuccessAndFailure) {
  ASSERT_TRUE(Load(registry_, "m").get());
  HoldRuns();
  auto running = Submit(**WhenReady(registry_, "m").get());
  run_gate_.AwaitEntered();
  EXPECT_EQ(Told().serving.jobs, 1U);
  EXPECT_EQ(Told().serving.running, 1U);
  run_gate_.Open();
  EXPECT_TRUE(running.get());
  EXPECT_EQ(Told().serving.jobs, 0U);
  runs_->on_run = [](auto, const auto&) { throw std::runtime_error("the backend broke"); };
  EXPECT_FALSE(Use());
  EXPECT_EQ(Told().serving.jobs, 0U);
}

TEST_F(ModelManagerScenarios, ThreeWhoWaitDuringASlowLoadAllSucceedWithOneLoad) {
  registry_.Declare("m");
  hold_ = true;
  std::jthread opener([this] {
    while (Told().waiting < 3) std::this_thread::yield();
    gate_.Open();
  });
  for (const Result<Output>& answer : Together(3, [this] { return Use(); })) EXPECT_TRUE(answer);
  EXPECT_EQ(loads_, 1);
}

TEST_F(ModelManagerScenarios, AnAccessTimeoutOfASecondIsKeptWhileTheModelLoads) {
  registry_.Declare("m");
  hold_ = true;
  auto hasty = WhenReady(registry_, "m", Deadline::After(clock_, seconds(1)));
  auto patient = WhenReady(registry_, "m", Deadline::After(clock_, seconds(30)));
  clock_.Advance(milliseconds(900));
  EXPECT_EQ(registry_.Expire(clock_.Now()), clock_.Now() + milliseconds(100));  // when to look again
  EXPECT_TRUE(Waits(hasty));
  clock_.Advance(milliseconds(100));
  registry_.Expire(clock_.Now());
  EXPECT_EQ(hasty.get().error().message, "model 'm' is still loading, 1.0 s so far");
  EXPECT_TRUE(Waits(patient));
  gate_.Open();
  EXPECT_TRUE(patient.get());
  EXPECT_EQ(loads_, 1);
}

TEST_F(ModelManagerScenarios, ALoadTimeoutIsKeptAndWhoWaitsHearsOfIt) {
  hold_ = true;
  auto waiting = Load(registry_, "m");
  gate_.AwaitEntered();
  clock_.Advance(seconds(300) - milliseconds(1));
  registry_.Expire(clock_.Now());
  EXPECT_TRUE(Waits(waiting));
  clock_.Advance(milliseconds(1));
  registry_.Expire(clock_.Now());
  EXPECT_THAT(waiting.get().error().message, HasSubstr("longer than 300 s"));
  EXPECT_FALSE(LoadIsUnderWay());
  gate_.Open();
}

TEST_F(ModelManagerScenarios, TheStatisticsAreThereBeforeDuringAndAfterTheFirstLoad) {
  registry_.Declare("m");
  EXPECT_EQ(Told().state, ModelState::kAbsent);
  EXPECT_EQ(Told().waiting, 0U);
  hold_ = true;
  auto one = WhenReady(registry_, "m");
  auto two = WhenReady(registry_, "m");
  gate_.AwaitEntered();
  clock_.Advance(seconds(2));
  EXPECT_TRUE(Told().loading);
  EXPECT_EQ(Told().loading_for, seconds(2));
  EXPECT_EQ(Told().waiting, 2U);
  EXPECT_EQ(Told().tries, 1U);
  gate_.Open();
  const auto deployment = *one.get();
  EXPECT_TRUE(two.get());
  const ModelStatus ready = Told();
  EXPECT_FALSE(ready.loading);
  EXPECT_EQ(ready.waiting, 0U);
  EXPECT_EQ(ready.load_time, seconds(2));
  EXPECT_EQ(ready.steps.build, seconds(2));
  EXPECT_EQ(ready.counts.loads, 1U);
  EXPECT_EQ(ready.serving.max_jobs, 256U);
  EXPECT_EQ(ready.serving.workers, 1U);
}

TEST_F(ModelManagerScenarios, AfterACancelNothingIsLoading) {
  hold_ = true;
  auto waiting = Load(registry_, "m");
  gate_.AwaitEntered();
  EXPECT_TRUE(*registry_.Cancel("m"));
  EXPECT_FALSE(LoadIsUnderWay());  // though the builder is still at it
  EXPECT_FALSE(waiting.get());
  EXPECT_FALSE(*registry_.Cancel("m"));
  gate_.Open();
}

TEST_F(ModelManagerScenarios, TwentyThreadsWithFiveCallsEachAreAllServed) {
  registry_.Declare("m");
  const Answers last = Together(20, [this] {
    for (int i = 0; i < 4; ++i) {
      if (Result<Output> answer = Use(); !answer) return answer;
    }
    return Use();
  });
  for (const Result<Output>& answer : last) EXPECT_TRUE(answer);
  EXPECT_EQ(runs_->jobs, 100);
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(Told().serving.jobs, 0U);
}

// What is refused, with the permitted range: PATCH /v1/models/NAME/settings in test_model_manager_scenarios.py.
TEST_F(ModelManagerScenarios, SettingsHoldFromTheMomentTheyAreChanged) {
  ASSERT_TRUE(Load(registry_, "m").get());
  ASSERT_TRUE(registry_.Change("m", {.serving = {.workers = 2, .max_jobs = 7, .max_bytes = 1000}}));
  EXPECT_EQ(Told().serving.workers, 2U);
  EXPECT_EQ(Told().serving.max_jobs, 7U);
  EXPECT_EQ(Told().serving.max_bytes, 1000U);
  ASSERT_TRUE(registry_.Change("m", {.serving = {.max_jobs = 9}}));
  EXPECT_EQ(Told().serving.workers, 2U);  // what is not named stays
  EXPECT_EQ(registry_.Change("n", {.serving = {.max_jobs = 9}}).error().code, Code::kNotFound);
}

TEST_F(ModelManagerScenarios, ARealModelIsLoadedOnceAndAnswersThreeThreads) {
  const auto backend = MakeOnnxBackend();
  std::atomic<int> loads = 0;
  FakeLoader loader([&](const std::string& name) -> Result<std::shared_ptr<const Servable>> {
    ++loads;
    auto model = backend->Load(ExampleModels() / name / "model.onnx");
    if (!model) return Forward(model);
    return MakeTensorServable(*model);
  });
  Engine engine({.on_demand = true}, loader, Clock::Steady(), metrics_);
  engine.Declare("identity");
  const Answers answers = Together(3, [&] {
    Tensor input = Tensor::Uninitialised(DataType::kFp32, {1, 2});
    input.Mutable<float>()[0] = 1.5F;
    input.Mutable<float>()[1] = -2;
    return engine.Run("identity", {.inputs = {input}});
  });
  for (const Result<Output>& answer : answers) {
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_THAT(answer->tensors[0].As<float>(), ::testing::ElementsAre(1.5F, -2));
  }
  EXPECT_EQ(loads, 1);
}

TEST_F(ModelManagerScenarios, TwoCallsAndThreeThreadsGetTheIdenticalInstance) {
  registry_.Declare("m");
  const auto one = *WhenReady(registry_, "m").get();
  const auto two = *WhenReady(registry_, "m").get();
  EXPECT_EQ(one, two);
  std::vector<Registry::DeploymentPtr> others(3);
  {
    std::vector<std::jthread> threads;
    for (Registry::DeploymentPtr& other : others) {
      threads.emplace_back([&] { other = *WhenReady(registry_, "m").get(); });
    }
  }
  for (const Registry::DeploymentPtr& other : others) EXPECT_EQ(other->servable(), one->servable());
}

}  // namespace
}  // namespace weir
