#include "engine/registry.h"

#include "engine/registry_fixture.h"

namespace weir {
namespace {

using ::testing::HasSubstr;

TEST_F(RegistryTest, LoadsAModelOnceHoweverManyAskAtOnce) {
  hold_ = true;
  std::vector<std::future<Result<Registry::DeploymentPtr>>> answers;
  answers.push_back(Load(registry_, "m"));
  gate_.AwaitEntered();
  {
    std::vector<std::jthread> callers;
    std::mutex mu;
    for (int i = 0; i < 100; ++i) {
      callers.emplace_back([&] {
        auto answer = Load(registry_, "m");
        const std::lock_guard lock(mu);
        answers.push_back(std::move(answer));
      });
    }
  }
  gate_.Open();
  const Registry::DeploymentPtr first = *answers[0].get();
  for (std::size_t i = 1; i < answers.size(); ++i) EXPECT_EQ(*answers[i].get(), first);
  EXPECT_EQ(loads_, 1);
  EXPECT_THAT(metrics_.Render(), HasSubstr("weir_model_loads_total{model=\"m\",result=\"ok\"} 1"));
}

TEST_F(RegistryTest, SaysThatAModelIsUnknownAndNamesTheNearest) {
  ASSERT_TRUE(Load(registry_, "minilm").get());
  const auto unknown = WhenReady(registry_, "minlim").get();
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kNotFound);
  EXPECT_EQ(unknown.error().message, "there is no model 'minlim' (did you mean 'minilm'?)");
}

TEST_F(RegistryTest, LetsACallerWaitWhileTheModelLoads) {
  hold_ = true;
  auto loaded = Load(registry_, "m");
  gate_.AwaitEntered();
  auto waiting = WhenReady(registry_, "m");
  gate_.Open();
  EXPECT_EQ(*waiting.get(), *loaded.get());
}

TEST_F(RegistryTest, ACallerWhoseTimeIsOverIsToldHowLongLoadingHasTaken) {
  hold_ = true;
  auto loaded = Load(registry_, "m");
  gate_.AwaitEntered();
  auto hasty = WhenReady(registry_, "m", Deadline::After(clock_, seconds(2)));
  clock_.Advance(seconds(3));
  registry_.Expire(clock_.Now());
  const auto answer = hasty.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
  EXPECT_EQ(answer.error().message, "model 'm' is still loading, 3.0 s so far");
  gate_.Open();
  EXPECT_TRUE(loaded.get());  // the load went on
}

TEST_F(RegistryTest, AFailedLoadKeepsItsReasonAndMayBeTriedAgain) {
  fail_ = true;
  EXPECT_FALSE(Load(registry_, "m").get());
  const auto failed = WhenReady(registry_, "m").get();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kUnavailable);
  EXPECT_THAT(failed.error().message, HasSubstr("failed to load: model.onnx is broken"));
  EXPECT_EQ(registry_.States()[0].state, ModelState::kFailed);
  EXPECT_EQ(registry_.States()[0].reason, "model.onnx is broken");
  fail_ = false;
  EXPECT_TRUE(Load(registry_, "m").get());
  EXPECT_EQ(registry_.States()[0].state, ModelState::kReady);
}

TEST_F(RegistryTest, OneBrokenModelDoesNotHarmAnother) {
  ASSERT_TRUE(Load(registry_, "good").get());
  fail_ = true;
  EXPECT_FALSE(Load(registry_, "bad").get());
  EXPECT_TRUE(WhenReady(registry_, "good").get());
}

TEST_F(RegistryTest, ClosingAnswersWhoWaitsForAModel) {
  hold_ = true;
  auto loaded = Load(registry_, "m");
  gate_.AwaitEntered();
  auto waiting = WhenReady(registry_, "m");
  registry_.Close();
  EXPECT_EQ(waiting.get().error().code, Code::kUnavailable);
  EXPECT_EQ(loaded.get().error().code, Code::kUnavailable);
  EXPECT_EQ(WhenReady(registry_, "m").get().error().code, Code::kUnavailable);  // at once, though it still loads
  gate_.Open();
  EXPECT_EQ(Load(registry_, "m").get().error().code, Code::kUnavailable);
}

TEST(ModelState, OnlyTheDocumentedMovesAreLegal) {
  using enum ModelState;
  const std::vector<std::pair<ModelState, ModelState>> legal = {
      {kAbsent, kLoading}, {kLoading, kReady},   {kLoading, kFailed}, {kLoading, kAbsent},
      {kReady, kDraining}, {kDraining, kAbsent}, {kFailed, kLoading}, {kFailed, kAbsent}};
  for (const ModelState from : {kAbsent, kLoading, kReady, kDraining, kFailed}) {
    for (const ModelState to : {kAbsent, kLoading, kReady, kDraining, kFailed}) {
      const bool expected = std::ranges::find(legal, std::pair(from, to)) != legal.end();
      EXPECT_EQ(MayMove(from, to), expected) << ModelStateName(from) << " to " << ModelStateName(to);
    }
  }
}

TEST(Engine, KeepsTheDeadlineOfAJobThatRunsTooLong) {
  auto runs = std::make_shared<FakeRuns>();
  Gate gate;
  runs->on_run = [&gate](auto, const auto&) { gate.Enter(); };
  FakeLoader loader([&](const std::string&) -> Result<std::shared_ptr<const Servable>> {
    return std::make_shared<FakeServable>(runs);
  });
  Metrics metrics;
  Engine engine({.deployment = {.workers = 1}}, loader, Clock::Steady(), metrics);
  ASSERT_TRUE(engine.LoadAndWait("m"));
  const auto answer = engine.Run("m", {.deadline = Deadline::After(Clock::Steady(), std::chrono::milliseconds(20))});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kDeadlineExceeded);
  gate.Open();
  EXPECT_TRUE(engine.Drain(Deadline::Never()));
}

TEST(Engine, ChecksTensorsAgainstTheModelBeforeAnythingElse) {
  auto runs = std::make_shared<FakeRuns>();
  FakeLoader loader([&](const std::string&) -> Result<std::shared_ptr<const Servable>> {
    return std::make_shared<FakeServable>(runs);
  });
  Metrics metrics;
  Engine engine({}, loader, Clock::Steady(), metrics);
  ASSERT_TRUE(engine.LoadAndWait("m"));
  const auto answer = engine.Run("m", {.inputs = {Tensor::Uninitialised(DataType::kFp32, {1})}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "the model takes 0 inputs, the request has 1");
  EXPECT_EQ(runs->runs, 0);
}

}  // namespace
}  // namespace weir
