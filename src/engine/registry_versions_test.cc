// Several versions of one model: which one a request gets, how they come and go.
#include <set>

#include "engine/registry_fixture.h"

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Loads of the versions that a test holds or breaks; each version answers as itself.
class VersionsTest : public RegistryTest {
 protected:
  void Plan(std::vector<VersionNumber> served, std::vector<VersionNumber> present, bool on_demand = true) {
    versions_.Declare("m", {.served = std::move(served), .present = std::move(present), .on_demand = on_demand});
  }
  // The version that a request gets, once it is there; "" and why not in `refusal_`.
  std::string Version(const std::string& reference = "m") {
    const auto deployment = WhenReady(versions_, reference).get();
    refusal_ = deployment ? Error() : deployment.error();
    return deployment ? (*deployment)->name() : "";
  }
  void Break(const std::string& key, bool broken = true) {
    const MutexLock lock(mu_);
    if (broken) {
      broken_.insert(key);
    } else {
      broken_.erase(key);
    }
  }
  void Hold(const std::string& key) {
    const MutexLock lock(mu_);
    held_ = key;
  }
  std::vector<std::string> Loads() {
    const MutexLock lock(mu_);
    return order_;
  }

  Mutex mu_;
  std::set<std::string> broken_ GUARDED_BY(mu_);
  std::string held_ GUARDED_BY(mu_);
  std::vector<std::string> order_ GUARDED_BY(mu_);
  Error refusal_;
  FakeLoader versioned_{[this](const std::string& key) -> Result<std::shared_ptr<const Servable>> {
    bool hold = false;
    bool broken = false;
    {
      const MutexLock lock(mu_);
      order_.push_back(key);
      hold = held_ == key;
    }
    if (hold) gate_.Enter();
    {
      const MutexLock lock(mu_);
      broken = broken_.contains(key);
    }
    if (broken) return Fail(Code::kUnprocessable, key + "/model.onnx is broken");
    return std::make_shared<FakeServable>(runs_);
  }};
  Registry versions_{{.deployment = {.workers = 1}, .load = {.pause = Duration::zero()}, .load_threads = 2},
                     versioned_,
                     {.clock = clock_,
                      .metrics = metrics_,
                      .threads = threads_,
                      .backlog = backlog_,
                      .costs = nullptr,
                      .note_deadline = [](Deadline) {}}};
};

TEST(ModelReference, IsANameOrANameWithAVersion) {
  EXPECT_EQ(ParseReference("m").version, std::nullopt);
  EXPECT_EQ(ParseReference("m/3").name, "m");
  EXPECT_EQ(ParseReference("m/3").version, 3U);
  for (const char* odd : {"m/", "m/x", "m/0", "m/03", "m/-1", "m/99999999999999999999"}) {
    EXPECT_EQ(ParseReference(odd).name, odd);
    EXPECT_EQ(ParseReference(odd).version, std::nullopt) << odd;
  }
  EXPECT_EQ(ReferenceOf("m", 3), "m/3");
  EXPECT_EQ(ReferenceOf("m", 0), "m");
  EXPECT_EQ(VersionText(0), "1");
}

TEST_F(VersionsTest, ARequestThatNamesNoneGetsTheNewestServed) {
  Plan({3, 2}, {3, 2, 1});
  EXPECT_EQ(Version(), "m/3");
  EXPECT_EQ(Version("m/2"), "m/2");
  EXPECT_EQ(Version("m/1"), "");
  EXPECT_EQ(refusal_.code, Code::kNotFound);
  EXPECT_EQ(refusal_.message, "model 'm' has no version 1 that is served; it has 3, 2");
}

TEST_F(VersionsTest, AModelWithoutVersionsIsCalledOne) {
  ASSERT_TRUE(Load(versions_, "plain").get());
  EXPECT_EQ(Version("plain"), "plain");
  EXPECT_EQ(Version("plain/1"), "plain");
  EXPECT_EQ(Version("plain/2"), "");
}

TEST_F(VersionsTest, ALoadOfTheModelLoadsEachServedVersionOnce) {
  Plan({3, 2}, {3, 2, 1}, false);
  std::vector<std::future<Result<Registry::DeploymentPtr>>> answers;
  for (int i = 0; i < 100; ++i) answers.push_back(Load(versions_, "m"));
  for (auto& answer : answers) EXPECT_EQ((*answer.get())->name(), "m/3");
  ASSERT_TRUE(Load(versions_, "m/2").get());
  std::vector<std::string> loads = Loads();
  std::ranges::sort(loads);
  EXPECT_THAT(loads, ElementsAre("m/2", "m/3"));
}

TEST_F(VersionsTest, ANewVersionTakesThePlaceOnceItIsProvenAndTheOldOneServesUntilThen) {
  Plan({3}, {3});
  ASSERT_TRUE(Load(versions_, "m").get());
  Hold("m/4");
  Plan({4}, {4, 3});
  auto loading = Load(versions_, "m");
  gate_.AwaitEntered();
  EXPECT_EQ(Version(), "m/3");
  EXPECT_TRUE(versions_.StateOf("m")->loading);
  gate_.Open();
  ASSERT_TRUE(loading.get());
  EXPECT_EQ(Version(), "m/4");
  EXPECT_EQ(Version("m/3"), "");
  EXPECT_EQ(versions_.StateOf("m")->versions.size(), 1U);
}

TEST_F(VersionsTest, JobsAndCallersOfAVersionThatGoesFinishOnIt) {
  Gate gate;
  runs_->on_run = [&gate](auto, const auto&) { gate.Enter(); };
  Plan({3}, {3});
  auto old = Load(versions_, "m").get();
  auto running = Submit(**old);
  gate.AwaitEntered();
  Plan({4}, {4, 3});
  ASSERT_TRUE(Load(versions_, "m").get());
  EXPECT_EQ(Version(), "m/4");
  auto late = Submit(**old);  // whoever has got it before may still use it
  gate.Open();
  EXPECT_TRUE(running.get());
  EXPECT_TRUE(late.get());
}

TEST_F(VersionsTest, NoRequestFailsWhileVersionsComeAndGo) {
  Plan({1}, {1});
  ASSERT_TRUE(Load(versions_, "m").get());
  std::atomic<bool> over = false;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> callers;
    for (int c = 0; c < 3; ++c) {
      callers.emplace_back([&] {
        while (!over) {
          const auto deployment = WhenReady(versions_, "m").get();
          if (!deployment || !Submit(**deployment).get()) ++failed;
        }
      });
    }
    for (VersionNumber version = 2; version < 200; ++version) {
      Plan({version}, {version, version - 1});
      EXPECT_TRUE(Load(versions_, "m").get());
    }
    over = true;
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(versions_.StateOf("m")->counts.loads, 199U);
}

TEST_F(VersionsTest, ANewVersionThatFailsLeavesTheOldOneServingAndTheStatusTellsWhy) {
  Plan({3}, {3});
  ASSERT_TRUE(Load(versions_, "m").get());
  Break("m/4");
  Plan({4}, {4, 3});
  EXPECT_FALSE(Load(versions_, "m").get());
  EXPECT_EQ(Version(), "m/3");
  const ModelStatus status = *versions_.StateOf("m");
  EXPECT_EQ(status.state, ModelState::kReady);
  EXPECT_EQ(status.version, 3U);
  EXPECT_TRUE(status.fallback_used);
  EXPECT_EQ(status.reason, "version 3 stands in for version 4: m/4/model.onnx is broken");
  Break("m/4", false);
  EXPECT_TRUE(Load(versions_, "m").get());
  EXPECT_EQ(Version(), "m/4");
  EXPECT_FALSE(versions_.StateOf("m")->fallback_used);
  EXPECT_EQ(versions_.StateOf("m")->reason, "");
}

TEST_F(VersionsTest, WhenTheNewestCannotBeLoadedTheOneBeforeIsForAllWhoWait) {
  Break("m/4");
  Hold("m/4");
  Plan({4}, {4, 3, 2});
  auto asked = Load(versions_, "m");
  gate_.AwaitEntered();
  auto request = WhenReady(versions_, "m");
  auto particular = WhenReady(versions_, "m/4");
  gate_.Open();
  EXPECT_EQ((*asked.get())->name(), "m/3");
  EXPECT_EQ((*request.get())->name(), "m/3");
  EXPECT_THAT(particular.get().error().message, HasSubstr("model 'm/4' failed to load"));
  EXPECT_TRUE(versions_.StateOf("m")->fallback_used);
  EXPECT_THAT(Loads(), ElementsAre("m/4", "m/3"));
}

TEST_F(VersionsTest, TheOneBeforeThatIsTriedWhenThatFailsTooAndThenNone) {
  for (const char* key : {"m/4", "m/3", "m/2"}) Break(key);
  Plan({4}, {4, 3, 2});
  EXPECT_EQ(Load(versions_, "m").get().error().code, Code::kUnprocessable);
  EXPECT_THAT(Loads(), ElementsAre("m/4", "m/3", "m/2"));
  EXPECT_EQ(versions_.StateOf("m")->state, ModelState::kFailed);
  EXPECT_THAT(versions_.StateOf("m")->reason, HasSubstr("m/4/model.onnx is broken"));
}

TEST_F(VersionsTest, AVersionThatIsTakenAwayServesUntilAnotherDoes) {
  Plan({2}, {2, 1});
  ASSERT_TRUE(Load(versions_, "m").get());
  Hold("m/1");
  Plan({1}, {1});
  auto loading = Load(versions_, "m");
  gate_.AwaitEntered();
  EXPECT_EQ(Version(), "m/2");
  gate_.Open();
  ASSERT_TRUE(loading.get());
  EXPECT_EQ(Version(), "m/1");
}

TEST_F(VersionsTest, AFolderThatGetsVersionsIsReplacedByThem) {
  ASSERT_TRUE(Load(versions_, "m").get());
  EXPECT_EQ(Version(), "m");
  Plan({1}, {1});
  EXPECT_EQ(Version("m/1"), "m/1");  // on demand
  EXPECT_EQ(Version(), "m/1");
}

TEST_F(VersionsTest, AnUnloadOfTheModelUnloadsAllAndARequestDoesNotUndoIt) {
  Plan({3, 2}, {3, 2});
  ASSERT_TRUE(Load(versions_, "m/2").get());
  ASSERT_TRUE(Load(versions_, "m").get());
  EXPECT_TRUE(Unload(versions_, "m").get());
  EXPECT_EQ(Version(), "");
  EXPECT_EQ(Version("m/2"), "");
  EXPECT_EQ(refusal_.message, "model 'm/2' is not loaded");
  Plan({4}, {4, 3, 2});  // nor does a new version
  EXPECT_EQ(Version(), "");
  EXPECT_TRUE(Load(versions_, "m").get());
}

TEST_F(VersionsTest, AVersionCanBeUnloadedAloneAndTheOneBeforeServes) {
  Plan({3, 2}, {3, 2}, false);
  ASSERT_TRUE(Load(versions_, "m").get());
  ASSERT_TRUE(Load(versions_, "m/2").get());
  EXPECT_TRUE(Unload(versions_, "m/3").get());
  EXPECT_EQ(Version(), "m/2");
}

TEST_F(VersionsTest, CancellingTheModelGivesUpTheLoadsOfAllVersions) {
  Hold("m/3");
  Plan({3, 2}, {3, 2}, false);
  auto loading = Load(versions_, "m");
  gate_.AwaitEntered();
  EXPECT_TRUE(*versions_.Cancel("m"));
  EXPECT_THAT(loading.get().error().message, HasSubstr("was cancelled"));
  gate_.Open();
  EXPECT_EQ(versions_.StateOf("m/3")->state, ModelState::kAbsent);
}

TEST_F(VersionsTest, SettingsAreThoseOfAllVersionsAlsoOfThoseThatCome) {
  Plan({3}, {3});
  ASSERT_TRUE(Load(versions_, "m").get());
  ASSERT_TRUE(versions_.Change("m", {.serving = {.max_jobs = 7}}));
  Plan({4}, {4, 3});
  ASSERT_TRUE(Load(versions_, "m").get());
  EXPECT_EQ(versions_.StateOf("m")->serving.max_jobs, 7U);
}

TEST_F(VersionsTest, AModelOfWhichNoVersionIsServedSaysWhichThereAre) {
  Plan({}, {4, 3});
  EXPECT_EQ(Version(), "");
  EXPECT_EQ(refusal_.message, "none of the versions of model 'm' is to be served; there are 4, 3");
  EXPECT_EQ(Load(versions_, "m").get().error().code, Code::kUnavailable);
  EXPECT_THAT(versions_.StateOf("m")->reason, HasSubstr("there are 4, 3"));
}

TEST_F(VersionsTest, VersionsOfAModelAddUpInOneMetric) {
  Plan({3, 2}, {3, 2}, false);
  ASSERT_TRUE(Load(versions_, "m").get());
  ASSERT_TRUE(Load(versions_, "m/2").get());
  EXPECT_THAT(metrics_.Render(), HasSubstr("weir_model_loads_total{model=\"m\",result=\"ok\"} 2"));
  ASSERT_TRUE(Unload(versions_, "m/3").get());
  EXPECT_THAT(metrics_.Render(), HasSubstr("weir_model_ready{model=\"m\"} 1"));
}

}  // namespace
}  // namespace weir
