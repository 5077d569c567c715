// Defects of the services that Weir replaces, one test each, by the letter or line that docs/contract-proof.md has:
// those that no other test shows.
#include <stdexcept>

#include "engine/registry_fixture.h"

namespace weir {
namespace {

using ::testing::HasSubstr;

using ContractDefects = RegistryTest;

// The naive design looks at "is it loading" only, not once more at the model, and so loads one after the other.
TEST_F(ContractDefects, B_FourFirstCallersMakeOneLoadAndHaveOneInstance) {
  registry_.Declare("m");
  hold_ = true;
  std::vector<Registry::DeploymentPtr> got(4);
  {
    std::vector<std::jthread> callers;
    for (Registry::DeploymentPtr& one : got) {
      callers.emplace_back([&] { one = *WhenReady(registry_, "m").get(); });
    }
    while (registry_.StateOf("m")->waiting < 4) std::this_thread::yield();
    gate_.Open();
  }
  EXPECT_EQ(loads_, 1);
  for (const Registry::DeploymentPtr& one : got) EXPECT_EQ(one, got[0]);
}

// The naive design takes the lock that the waiting caller holds.
TEST_F(ContractDefects, E_ALoadThatTriesAgainNeedsNoLockThatAWaitingCallerHolds) {
  on_load_ = [this](int number) -> Status {
    EXPECT_TRUE(registry_.StateOf("m")->loading);  // the loader asks the registry, in the middle of a load
    if (number < 3) return Fail(Code::kUnavailable, "the disk did not answer");
    return {};
  };
  registry_.Declare("m");
  EXPECT_TRUE(WhenReady(registry_, "m").get());
  EXPECT_EQ(loads_, 3);
}

// Its first run fails; otherwise as the fake.
class Unproven final : public Servable {
 public:
  const Manifest& manifest() const override { return of_.manifest(); }
  std::string_view task() const override { return of_.task(); }
  std::size_t max_batch() const override { return of_.max_batch(); }
  Status WarmUp() const override { return Fail(Code::kUnprocessable, "a shape does not fit"); }
  std::unique_ptr<Runner> NewRunner() const override { return of_.NewRunner(); }

 private:
  FakeServable of_{std::make_shared<FakeRuns>()};
};

// The naive design publishes the model and then proves it.
TEST_F(ContractDefects, G_WhatFailsItsFirstRunIsSeenByNobodyAndReplacesNothing) {
  bool proven = false;
  FakeLoader loader([&](const std::string&) -> Result<std::shared_ptr<const Servable>> {
    if (!proven) return std::make_shared<Unproven>();
    return std::make_shared<FakeServable>(runs_);
  });
  Engine engine({.deployment = {.workers = 1}}, loader, Clock::Steady(), metrics_);
  const Status failed = engine.LoadAndWait("m");
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("its first run failed: a shape does not fit"));
  EXPECT_EQ(engine.StateOf("m")->state, ModelState::kFailed);
  EXPECT_EQ(engine.Run("m", {}).error().code, Code::kUnavailable);
  proven = true;
  ASSERT_TRUE(engine.LoadAndWait("m"));
  proven = false;
  EXPECT_FALSE(engine.ReloadAndWait("m"));
  EXPECT_TRUE(engine.Run("m", {}));
}

// The naive design forgets what it has counted with every load.
TEST_F(ContractDefects, H_CountsSurviveAReloadAndAnUnload) {
  ASSERT_TRUE(Load(registry_, "m").get());
  ASSERT_TRUE(Reload(registry_, "m").get());
  fail_ = true;
  EXPECT_FALSE(Reload(registry_, "m").get());
  ASSERT_TRUE(Unload(registry_, "m").get());
  const ModelCounts counts = registry_.StateOf("m")->counts;
  EXPECT_EQ(counts.loads, 2U);
  EXPECT_EQ(counts.reloads, 1U);
  EXPECT_EQ(counts.failed, 1U);
  EXPECT_EQ(counts.unloads, 1U);
}

// The naive design ends the executor that all models share.
TEST_F(ContractDefects, Line19_AModelThatIsStoppedLeavesTheThreadsToTheOthers) {
  Gate gate;
  auto one = Load(registry_, "one").get();
  auto other = Load(registry_, "other").get();
  runs_->on_run = [&gate](auto, const auto&) { gate.Enter(); };
  auto running = Submit(**other);
  gate.AwaitEntered();
  ASSERT_TRUE(Unload(registry_, "one").get());
  (*one)->StopHard();
  auto queued = Submit(**other);
  gate.Open();
  EXPECT_TRUE(running.get());
  EXPECT_TRUE(queued.get());
  EXPECT_TRUE(Load(registry_, "one").get());
}

}  // namespace
}  // namespace weir
