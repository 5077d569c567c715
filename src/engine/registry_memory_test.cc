// memory.budget, and the device that a model runs on: who may load, who leaves, what stands in.
#include <map>

#include "engine/registry_fixture.h"

namespace weir {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = 1U << 20;

// Models of sizes that the test gives them; the process grows by what was predicted.
class SizedLoader final : public ServableLoader {
 public:
  Result<LoadPlan> Plan(const std::string& name) override {
    const MutexLock lock(mu);
    ++plans;
    return LoadPlan{.files = files[name]};
  }
  Result<std::string> ChooseDevice(const std::string& name) override {
    const MutexLock lock(mu);
    if (devices[name] == "missing") return Fail(Code::kUnprocessable, "there is no device cuda:0");
    return devices[name].empty() ? kCpu : devices[name];
  }
  Result<std::shared_ptr<const Servable>> Load(const std::string&) override { return Fail(Code::kInternal, "unused"); }
  Result<std::shared_ptr<const Servable>> LoadOn(const std::string& name, const std::string& device) override {
    std::function<Status(const std::string&)> check;
    {
      const MutexLock lock(mu);
      loads.push_back(name + " on " + device);
      for (const LoadFile& file : files[name]) resident += file.bytes;
      resident += unforeseen;
      check = on_load;
    }
    if (Status status = check(device); !status) return Forward(status);
    return std::make_shared<FakeServable>(runs);
  }

  Mutex mu;
  std::map<std::string, std::vector<LoadFile>> files GUARDED_BY(mu);
  std::map<std::string, std::string> devices GUARDED_BY(mu);
  std::vector<std::string> loads GUARDED_BY(mu);
  int plans GUARDED_BY(mu) = 0;
  std::uint64_t unforeseen GUARDED_BY(mu) = 0;  // that a load takes beside
  std::atomic<std::uint64_t> resident = 0;
  std::function<Status(const std::string&)> on_load GUARDED_BY(mu) = [](const std::string&) { return Status(); };
  std::shared_ptr<FakeRuns> runs = std::make_shared<FakeRuns>();
};

class RegistryMemoryTest : public RegistryTest {
 protected:
  // A model of one file.
  void Add(const std::string& name, std::uint64_t mib, bool on_demand = true) {
    AddFiles(name, {{.identity = {.inode = ++inodes_}, .bytes = mib * kMiB}}, on_demand);
  }
  void AddFiles(const std::string& name, std::vector<LoadFile> files, bool on_demand = true) {
    {
      const MutexLock lock(sizes_.mu);
      sizes_.files[name] = std::move(files);
    }
    models_.Declare(name, {.on_demand = on_demand});
  }
  // A request for it, a second after the last one.
  Result<Registry::DeploymentPtr> Use(const std::string& name) {
    clock_.Advance(seconds(1));
    return WhenReady(models_, name).get();
  }
  ModelState StateIn(const std::string& name) { return models_.StateOf(name)->state; }
  void AwaitState(const std::string& name, ModelState state) {
    while (StateIn(name) != state) std::this_thread::yield();
  }

  std::uint64_t inodes_ = 0;
  SizedLoader sizes_;
  Registry models_{{.deployment = {.workers = 1},
                    .load = {.pause = Duration::zero()},
                    .load_threads = 2,
                    .memory_budget = 100 * kMiB,
                    .resident = [this] { return sizes_.resident.load(); }},
                   sizes_,
                   {.clock = clock_,
                    .metrics = metrics_,
                    .threads = threads_,
                    .backlog = backlog_,
                    .costs = nullptr,
                    .note_deadline = [](Deadline) {}}};
};

TEST_F(RegistryMemoryTest, WhatDoesNotFitIsRefusedOnceWithBothNumbers) {
  Add("big", 101, false);
  const auto refused = Load(models_, "big").get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_EQ(refused.error().message, "needs about 101 MiB, 100 MiB of memory.budget 100 MiB are free");
  const MutexLock lock(sizes_.mu);
  EXPECT_EQ(sizes_.plans, 1);  // never tried again
  EXPECT_TRUE(sizes_.loads.empty());
}

TEST_F(RegistryMemoryTest, IdleOnDemandModelsLeaveTheLeastRecentlyUsedFirst) {
  for (const char* name : {"a", "b", "c"}) Add(name, 40);
  ASSERT_TRUE(Use("a"));
  ASSERT_TRUE(Use("b"));
  ASSERT_TRUE(Use("a"));
  ASSERT_TRUE(Use("c"));
  AwaitState("b", ModelState::kAbsent);
  EXPECT_EQ(StateIn("a"), ModelState::kReady);
  EXPECT_EQ(models_.StateOf("b")->counts.evictions, 1U);
  EXPECT_EQ(models_.StateOf("b")->counts.unloads, 0U);
  EXPECT_THAT(metrics_.Render(), HasSubstr("weir_model_loads_total{model=\"b\",result=\"evicted\"} 1"));
  ASSERT_TRUE(Use("b"));  // comes back when it is asked for
  AwaitState("a", ModelState::kAbsent);
}

TEST_F(RegistryMemoryTest, AModelThatWasLoadedAtTheStartStays) {
  Add("pinned", 40, false);
  Add("a", 40);
  Add("b", 80);
  ASSERT_TRUE(Load(models_, "pinned").get());
  ASSERT_TRUE(Use("a"));
  const auto refused = Use("b");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("needs about 80 MiB, 20 MiB of memory.budget 100 MiB are free"));
  EXPECT_EQ(StateIn("pinned"), ModelState::kReady);
  EXPECT_EQ(StateIn("a"), ModelState::kReady);  // it would not have been enough
}

TEST_F(RegistryMemoryTest, AModelWithJobsStays) {
  Gate gate;
  sizes_.runs->on_run = [&gate](auto, const auto&) { gate.Enter(); };
  Add("busy", 40);
  Add("b", 80);
  auto deployment = Use("busy");
  auto job = Submit(**deployment);
  gate.AwaitEntered();
  EXPECT_FALSE(Use("b"));
  EXPECT_EQ(StateIn("busy"), ModelState::kReady);
  gate.Open();
  EXPECT_TRUE(job.get());
}

TEST_F(RegistryMemoryTest, WhoHasAModelThatLeavesStillGetsAnswersAndTheNewOneWaitsForItsRoom) {
  Add("a", 60);
  Add("b", 60);
  auto held = Use("a");  // a caller that is about to submit
  ASSERT_TRUE(held);
  auto waiting = WhenReady(models_, "b");
  AwaitState("a", ModelState::kDraining);
  EXPECT_TRUE(Waits(waiting));
  auto again = WhenReady(models_, "a");  // meanwhile: waits, and loads it again
  EXPECT_TRUE(Submit(**held).get());
  held = std::unexpected(Error{});
  ASSERT_TRUE(waiting.get());
  ASSERT_TRUE(again.get());
  EXPECT_EQ(models_.StateOf("a")->counts.loads, 2U);
}

TEST_F(RegistryMemoryTest, AnUnloadOfAModelThatLeavesWaitsForThatAndARequestDoesNotUndoIt) {
  Add("a", 60);
  Add("b", 60);
  auto held = Use("a");
  auto waiting = WhenReady(models_, "b");
  AwaitState("a", ModelState::kDraining);
  auto again = WhenReady(models_, "a");
  auto unloaded = Unload(models_, "a");
  EXPECT_THAT(again.get().error().message, HasSubstr("is being unloaded"));
  held = std::unexpected(Error{});
  EXPECT_TRUE(unloaded.get());
  EXPECT_TRUE(waiting.get());
  EXPECT_EQ(StateIn("a"), ModelState::kAbsent);
  EXPECT_FALSE(Use("a"));
}

TEST_F(RegistryMemoryTest, ALoadThatWaitsForRoomCanBeGivenUp) {
  Add("a", 60);
  Add("b", 60);
  auto held = Use("a");
  auto waiting = WhenReady(models_, "b");
  AwaitState("a", ModelState::kDraining);
  EXPECT_TRUE(*models_.Cancel("b"));
  EXPECT_THAT(waiting.get().error().message, HasSubstr("was cancelled"));
  held = std::unexpected(Error{});
  AwaitState("a", ModelState::kAbsent);
  EXPECT_EQ(StateIn("b"), ModelState::kAbsent);
  ASSERT_TRUE(Use("a"));  // both loader threads are free again
  ASSERT_TRUE(Use("b"));
}

TEST_F(RegistryMemoryTest, ModelsThatShareFilesShareTheirRoom) {
  const LoadFile shared{.identity = {.inode = 1000}, .bytes = 90 * kMiB};
  AddFiles("a", {shared, {.identity = {.inode = 1001}, .bytes = kMiB}}, false);
  AddFiles("b", {shared, {.identity = {.inode = 1002}, .bytes = kMiB}}, false);
  ASSERT_TRUE(Load(models_, "a").get());
  ASSERT_TRUE(Load(models_, "b").get());
}

TEST_F(RegistryMemoryTest, WhatWasMeasuredIsWhatTheNextLoadOfTheSameFilesIsExpectedToTake) {
  Add("a", 20, false);
  {
    const MutexLock lock(sizes_.mu);
    sizes_.unforeseen = 20 * kMiB;
  }
  EXPECT_TRUE(Load(models_, "a").get());
  EXPECT_EQ(models_.StateOf("a")->memory_bytes, 40 * kMiB);
  EXPECT_TRUE(Unload(models_, "a").get());
  Add("b", 61, false);
  ASSERT_TRUE(Load(models_, "a").get());
  EXPECT_THAT(Load(models_, "b").get().error().message, HasSubstr("60 MiB of memory.budget"));
}

TEST_F(RegistryMemoryTest, ALoadThatFailsGivesItsRoomBack) {
  Add("a", 100, false);
  {
    const MutexLock lock(sizes_.mu);
    sizes_.on_load = [](const std::string&) { return Fail(Code::kUnprocessable, "broken"); };
  }
  EXPECT_FALSE(Load(models_, "a").get());
  {
    const MutexLock lock(sizes_.mu);
    sizes_.on_load = [](const std::string&) { return Status(); };
  }
  EXPECT_TRUE(Load(models_, "a").get());
}

TEST_F(RegistryMemoryTest, ManyModelsTakeTurnsInTooLittleRoomAndEveryRequestIsAnswered) {
  constexpr int kModels = 6;
  for (int i = 0; i < kModels; ++i) Add("m" + std::to_string(i), 40);
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> callers;
    for (int c = 0; c < 3; ++c) {
      callers.emplace_back([&, c] {
        for (int i = 0; i < 200; ++i) {
          const auto model = WhenReady(models_, "m" + std::to_string((i * (c + 1)) % kModels)).get();
          // A model with jobs does not leave: then another one is refused, which is told.
          if (model ? !Submit(**model).get() : model.error().message.find("memory.budget") == std::string::npos)
            ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
}

TEST_F(RegistryMemoryTest, ADeviceThatIsNotThereIsReplacedByTheCpuAndTheStatusSaysSo) {
  Add("a", 1, false);
  {
    const MutexLock lock(sizes_.mu);
    sizes_.devices["a"] = "missing";
  }
  ASSERT_TRUE(Load(models_, "a").get());
  const ModelStatus status = *models_.StateOf("a");
  EXPECT_EQ(status.device, "cpu");
  EXPECT_TRUE(status.fallback_used);
  EXPECT_EQ(status.reason, "it runs on the CPU: there is no device cuda:0");
  EXPECT_EQ(status.tries, 1U);
}

TEST_F(RegistryMemoryTest, AfterThreeTriesOnADeviceTheCpuIsTakenAndTheNextLoadTriesTheDeviceAgain) {
  Add("a", 1, false);
  {
    const MutexLock lock(sizes_.mu);
    sizes_.devices["a"] = "cuda:0";
    sizes_.on_load = [](const std::string& device) -> Status {
      if (device != kCpu) return Fail(Code::kResourceExhausted, "the device has no memory left");
      return {};
    };
  }
  ASSERT_TRUE(Load(models_, "a").get());
  EXPECT_EQ(models_.StateOf("a")->tries, 4U);
  EXPECT_EQ(models_.StateOf("a")->reason, "it runs on the CPU: the device has no memory left");
  {
    const MutexLock lock(sizes_.mu);
    sizes_.on_load = [](const std::string&) { return Status(); };
  }
  ASSERT_TRUE(Reload(models_, "a").get());
  EXPECT_EQ(models_.StateOf("a")->device, "cuda:0");
  EXPECT_FALSE(models_.StateOf("a")->fallback_used);
}

TEST_F(RegistryMemoryTest, AnErrorOfTheDeviceThatStaysLeadsToTheCpuAtOnce) {
  Add("a", 1, false);
  {
    const MutexLock lock(sizes_.mu);
    sizes_.devices["a"] = "cuda:0";
    sizes_.on_load = [](const std::string& device) -> Status {
      if (device != kCpu) return Fail(Code::kUnprocessable, "no kernel for it");
      return {};
    };
  }
  ASSERT_TRUE(Load(models_, "a").get());
  const MutexLock lock(sizes_.mu);
  EXPECT_THAT(sizes_.loads, ::testing::ElementsAre("a on cuda:0", "a on cpu"));
}

TEST_F(RegistryMemoryTest, TheStepsOfALoadAreTimedEach) {
  Add("a", 1, false);
  {
    const MutexLock lock(sizes_.mu);
    sizes_.on_load = [this](const std::string&) {
      clock_.Advance(seconds(2));
      return Status();
    };
  }
  ASSERT_TRUE(Load(models_, "a").get());
  const ModelStatus status = *models_.StateOf("a");
  EXPECT_EQ(status.steps.build, seconds(2));
  EXPECT_EQ(status.steps.plan, seconds(0));
  EXPECT_EQ(status.steps.memory, seconds(0));
  EXPECT_EQ(status.load_time, seconds(2));
}

}  // namespace
}  // namespace weir
