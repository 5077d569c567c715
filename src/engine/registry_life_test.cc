// What every call does in every state of a model: the table of docs/model-life.md, and what follows from it.
#include <new>

#include "engine/registry_fixture.h"

namespace weir {
namespace {

using ::testing::HasSubstr;

enum class Place { kAbsent, kLoading, kReady, kReloading, kDraining, kFailed };
enum class Call { kLoad, kReload, kUnload, kCancel, kRequest };

struct Cell {
  Call call;
  Place place;
  ModelState after;  // right after the call
  // "waits": answered once loads and runs go on; "ok", "true", "false"; else what the error says.
  std::string answer;
  ModelState end;  // once loads and runs have gone on
};

void PrintTo(const Cell& cell, std::ostream* out) {
  *out << "call " << static_cast<int>(cell.call) << " in place " << static_cast<int>(cell.place);
}

// Loads, and runs of jobs, stand still until Proceed.
class RegistryLifeTest : public RegistryTest, public ::testing::WithParamInterface<Cell> {
 protected:
  ~RegistryLifeTest() override { Proceed(); }

  void GoTo(Place place) {
    registry_.Declare("m");
    if (place == Place::kFailed) {
      fail_ = true;
      EXPECT_FALSE(Load(registry_, "m").get());
      fail_ = false;
    }
    const bool served = place == Place::kReady || place == Place::kReloading || place == Place::kDraining;
    if (served) {
      runs_->on_run = [this](auto, const auto&) { run_gate_.Enter(); };
      const auto deployment = Load(registry_, "m").get();
      job_ = Submit(**deployment);
      run_gate_.AwaitEntered();
    }
    hold_ = true;
    if (place == Place::kLoading) before_ = Load(registry_, "m");
    if (place == Place::kReloading) before_ = Reload(registry_, "m");
    if (before_.valid()) gate_.AwaitEntered();
    if (place == Place::kDraining) unloading_ = Unload(registry_, "m");
  }

  // Everything that stood still goes on; returns when it has come to its end.
  void Proceed() {
    gate_.Open();
    run_gate_.Open();
    if (job_.valid()) job_.wait();
    if (unloading_.valid()) unloading_.wait();
    if (before_.valid()) before_.wait();
  }

  Gate run_gate_;
  std::future<Result<Output>> job_;
  std::future<Result<Registry::DeploymentPtr>> before_;
  std::future<Status> unloading_;
};

template <typename Answer>
void ExpectNow(std::future<Answer>& answer, const std::string& expected) {
  ASSERT_EQ(answer.wait_for(seconds(0)), std::future_status::ready);
  const Answer got = answer.get();
  if (expected == "ok") {
    EXPECT_TRUE(got);
  } else {
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kUnavailable);
    EXPECT_THAT(got.error().message, HasSubstr(expected));
  }
}

TEST_P(RegistryLifeTest, EveryCallHasOneAnswerInEveryState) {
  const Cell& cell = GetParam();
  GoTo(cell.place);
  std::future<Result<Registry::DeploymentPtr>> ready;
  std::future<Status> unloaded;
  switch (cell.call) {
    case Call::kLoad: ready = Load(registry_, "m"); break;
    case Call::kReload: ready = Reload(registry_, "m"); break;
    case Call::kRequest: ready = WhenReady(registry_, "m"); break;
    case Call::kUnload: unloaded = Unload(registry_, "m"); break;
    case Call::kCancel: EXPECT_EQ(*registry_.Cancel("m"), cell.answer == "true"); break;
  }
  EXPECT_EQ(State("m"), cell.after);
  if (cell.answer == "waits") {
    if (ready.valid()) EXPECT_TRUE(Waits(ready));
    if (unloaded.valid()) EXPECT_TRUE(Waits(unloaded));
  } else if (ready.valid()) {
    ExpectNow(ready, cell.answer);
  } else if (unloaded.valid()) {
    ExpectNow(unloaded, cell.answer);
  }
  Proceed();
  if (cell.answer == "waits" && ready.valid()) EXPECT_TRUE(ready.get());
  if (cell.answer == "waits" && unloaded.valid()) EXPECT_TRUE(unloaded.get());
  EXPECT_EQ(State("m"), cell.end);
  if (job_.valid()) EXPECT_TRUE(job_.get());  // whatever happened to its model
}

using enum ModelState;
INSTANTIATE_TEST_SUITE_P(Table, RegistryLifeTest,
                         ::testing::Values(Cell{Call::kLoad, Place::kAbsent, kLoading, "waits", kReady},
                                           Cell{Call::kLoad, Place::kLoading, kLoading, "waits", kReady},
                                           Cell{Call::kLoad, Place::kReady, kReady, "ok", kReady},
                                           Cell{Call::kLoad, Place::kReloading, kReady, "ok", kReady},
                                           Cell{Call::kLoad, Place::kDraining, kDraining, "waits", kReady},
                                           Cell{Call::kLoad, Place::kFailed, kLoading, "waits", kReady},
                                           Cell{Call::kReload, Place::kAbsent, kLoading, "waits", kReady},
                                           Cell{Call::kReload, Place::kLoading, kLoading, "waits", kReady},
                                           Cell{Call::kReload, Place::kReady, kReady, "waits", kReady},
                                           Cell{Call::kReload, Place::kReloading, kReady, "waits", kReady},
                                           Cell{Call::kReload, Place::kDraining, kDraining, "waits", kReady},
                                           Cell{Call::kReload, Place::kFailed, kLoading, "waits", kReady},
                                           Cell{Call::kUnload, Place::kAbsent, kAbsent, "ok", kAbsent},
                                           Cell{Call::kUnload, Place::kLoading, kAbsent, "ok", kAbsent},
                                           Cell{Call::kUnload, Place::kReady, kDraining, "waits", kAbsent},
                                           Cell{Call::kUnload, Place::kReloading, kDraining, "waits", kAbsent},
                                           Cell{Call::kUnload, Place::kDraining, kDraining, "waits", kAbsent},
                                           Cell{Call::kUnload, Place::kFailed, kAbsent, "ok", kAbsent},
                                           Cell{Call::kCancel, Place::kAbsent, kAbsent, "false", kAbsent},
                                           Cell{Call::kCancel, Place::kLoading, kAbsent, "true", kAbsent},
                                           Cell{Call::kCancel, Place::kReady, kReady, "false", kReady},
                                           Cell{Call::kCancel, Place::kReloading, kReady, "true", kReady},
                                           Cell{Call::kCancel, Place::kDraining, kDraining, "false", kAbsent},
                                           Cell{Call::kCancel, Place::kFailed, kFailed, "false", kFailed},
                                           Cell{Call::kRequest, Place::kAbsent, kLoading, "waits", kReady},
                                           Cell{Call::kRequest, Place::kLoading, kLoading, "waits", kReady},
                                           Cell{Call::kRequest, Place::kReady, kReady, "ok", kReady},
                                           Cell{Call::kRequest, Place::kReloading, kReady, "ok", kReady},
                                           Cell{Call::kRequest, Place::kDraining, kDraining, "is being unloaded",
                                                kAbsent},
                                           Cell{Call::kRequest, Place::kFailed, kFailed, "failed to load", kFailed}));

TEST_F(RegistryTest, AThousandRequestsForAModelThatIsAbsentLoadItOnce) {
  registry_.Declare("m");
  hold_ = true;
  std::vector<std::future<Result<Registry::DeploymentPtr>>> answers(1000);
  {
    std::vector<std::jthread> callers;
    for (std::size_t c = 0; c < 8; ++c) {
      callers.emplace_back([&, c] {
        for (std::size_t i = c; i < answers.size(); i += 8) answers[i] = WhenReady(registry_, "m");
      });
    }
  }
  EXPECT_EQ(registry_.StateOf("m")->waiting, 1000U);
  gate_.Open();
  const Registry::DeploymentPtr one = *answers[0].get();
  for (std::size_t i = 1; i < answers.size(); ++i) EXPECT_EQ(*answers[i].get(), one);
  EXPECT_EQ(loads_, 1);
}

TEST_F(RegistryTest, ARequestThatWaitsForALoadThatFailsHearsThatTheModelIsNotThere) {
  registry_.Declare("m");
  hold_ = true;
  fail_ = true;
  auto waiting = WhenReady(registry_, "m");
  auto asked = Load(registry_, "m");
  gate_.Open();
  EXPECT_EQ(waiting.get().error().code, Code::kUnavailable);
  EXPECT_EQ(asked.get().error().code, Code::kUnprocessable);
}

TEST_F(RegistryTest, ARequestDoesNotUndoAnUnload) {
  ASSERT_TRUE(Load(registry_, "m").get());
  ASSERT_TRUE(Unload(registry_, "m").get());
  EXPECT_THAT(WhenReady(registry_, "m").get().error().message, HasSubstr("is not loaded"));
  EXPECT_EQ(loads_, 1);
  EXPECT_TRUE(Load(registry_, "m").get());
}

TEST_F(RegistryTest, WhoWaitsForALoadThatIsCancelledHearsAtOnceAndNothingIsPublishedLater) {
  hold_ = true;
  auto loading = Load(registry_, "m");
  gate_.AwaitEntered();
  auto waiting = WhenReady(registry_, "m");
  EXPECT_TRUE(*registry_.Cancel("m"));
  EXPECT_THAT(loading.get().error().message, HasSubstr("was cancelled"));
  EXPECT_THAT(waiting.get().error().message, HasSubstr("was cancelled"));
  gate_.Open();
  ASSERT_TRUE(Load(registry_, "other").get());  // both loader threads have been at work since
  ASSERT_TRUE(Load(registry_, "another").get());
  EXPECT_EQ(State("m"), ModelState::kAbsent);
  EXPECT_EQ(registry_.StateOf("m")->counts.loads, 0U);
  EXPECT_EQ(registry_.StateOf("m")->counts.cancelled, 1U);
}

TEST_F(RegistryTest, ALoadThatIsCancelledBeforeItsTurnNeverBegins) {
  hold_ = true;
  auto a = Load(registry_, "a");
  auto b = Load(registry_, "b");
  gate_.AwaitEntered();
  gate_.AwaitEntered();
  auto c = Load(registry_, "c");
  EXPECT_TRUE(*registry_.Cancel("c"));
  EXPECT_FALSE(c.get());
  gate_.Open();
  EXPECT_TRUE(a.get());
  EXPECT_TRUE(b.get());
  EXPECT_TRUE(Load(registry_, "d").get());
  EXPECT_EQ(loads_, 3);
}

TEST_F(RegistryTest, ALoadThatTakesTooLongIsGivenUpAndCannotPublishItselfLater) {
  hold_ = true;
  auto loading = Load(registry_, "m");
  gate_.AwaitEntered();
  clock_.Advance(seconds(301));
  registry_.Expire(clock_.Now());
  EXPECT_THAT(loading.get().error().message, HasSubstr("longer than 300 s"));
  EXPECT_EQ(State("m"), ModelState::kFailed);
  hold_ = false;
  const auto second = Load(registry_, "m").get();  // while the first is still at it
  ASSERT_TRUE(second);
  gate_.Open();
  ASSERT_TRUE(Load(registry_, "other").get());
  EXPECT_EQ(*WhenReady(registry_, "m").get(), *second);
  EXPECT_EQ(registry_.StateOf("m")->counts.loads, 1U);
}

TEST_F(RegistryTest, AModelThatIsRemovedWhileItLoadsIsNotKnownAnyMore) {
  hold_ = true;
  auto loading = Load(registry_, "m");
  gate_.AwaitEntered();
  registry_.Remove("m", Deadline::Never());
  EXPECT_EQ(loading.get().error().code, Code::kUnavailable);
  EXPECT_FALSE(registry_.StateOf("m"));
  gate_.Open();
  ASSERT_TRUE(Load(registry_, "other").get());  // both loader threads have been at work since
  ASSERT_TRUE(Load(registry_, "another").get());
  EXPECT_FALSE(registry_.StateOf("m"));
}

TEST_F(RegistryTest, AModelThatServesAndIsRemovedAnswersItsJobsFirst) {
  Gate gate;
  runs_->on_run = [&gate](auto, const auto&) { gate.Enter(); };
  auto deployment = Load(registry_, "m").get();
  auto job = Submit(**deployment);
  gate.AwaitEntered();
  registry_.Remove("m", Deadline::Never());
  EXPECT_EQ(State("m"), ModelState::kDraining);
  gate.Open();
  EXPECT_TRUE(job.get());
  while (registry_.StateOf("m")) std::this_thread::yield();
}

TEST_F(RegistryTest, WhatIsWrongInTheFilesIsTriedOnce) {
  fail_ = true;
  EXPECT_FALSE(Load(registry_, "m").get());
  EXPECT_EQ(loads_, 1);
}

TEST_F(RegistryTest, WhatMayPassIsTriedThreeTimes) {
  on_load_ = [](int number) -> Status {
    if (number == 1) throw std::bad_alloc();
    if (number == 2) return Fail(Code::kUnavailable, "the disk did not answer");
    return {};
  };
  EXPECT_TRUE(Load(registry_, "m").get());
  EXPECT_EQ(loads_, 3);
  EXPECT_EQ(registry_.StateOf("m")->tries, 3U);
}

TEST_F(RegistryTest, ThreeTriesAreAllAndTheLastReasonIsKept) {
  on_load_ = [](int number) -> Status { return Fail(Code::kUnavailable, fmt::format("try {}", number)); };
  EXPECT_EQ(Load(registry_, "m").get().error().message, "try 3");
  EXPECT_EQ(registry_.StateOf("m")->reason, "try 3");
}

TEST_F(RegistryTest, AfterABackOffARequestTriesAFailedModelAgain) {
  fail_ = true;
  EXPECT_FALSE(Load(registry_, "m").get());
  fail_ = false;
  const auto early = WhenReady(registry_, "m").get();
  EXPECT_EQ(early.error().retry_after, seconds(30));
  clock_.Advance(seconds(30));
  EXPECT_TRUE(WhenReady(registry_, "m").get());
}

TEST_F(RegistryTest, AFailedReloadLeavesTheOldOneServingAndTellsWhy) {
  const auto old = Load(registry_, "m").get();
  fail_ = true;
  EXPECT_EQ(Reload(registry_, "m").get().error().message, "model.onnx is broken");
  EXPECT_EQ(*WhenReady(registry_, "m").get(), *old);
  EXPECT_EQ(registry_.StateOf("m")->reason, "model.onnx is broken");
}

TEST_F(RegistryTest, JobsOfAModelThatIsReplacedFinishOnItAndItGoesWithTheLastOfThem) {
  Gate gate;
  runs_->on_run = [&gate](auto, const auto&) { gate.Enter(); };
  auto old = Load(registry_, "m").get();
  const std::weak_ptr<const Servable> old_servable = (*old)->servable();
  auto running = Submit(**old);
  gate.AwaitEntered();
  auto queued = Submit(**old);
  const auto fresh = Reload(registry_, "m").get();
  ASSERT_TRUE(fresh);
  EXPECT_NE(*fresh, *old);
  const std::weak_ptr<Deployment> watched = *old;
  old = nullptr;
  EXPECT_FALSE(watched.expired());
  gate.Open();
  EXPECT_TRUE(running.get());
  EXPECT_TRUE(queued.get());
  while (!old_servable.expired()) std::this_thread::yield();
}

TEST_F(RegistryTest, NoRequestFailsWhileAModelIsReplacedAgainAndAgain) {
  ASSERT_TRUE(Load(registry_, "m").get());
  std::atomic<bool> over = false;
  std::atomic<int> failed = 0;
  std::atomic<int> answered = 0;
  {
    std::vector<std::jthread> callers;
    for (int c = 0; c < 3; ++c) {
      callers.emplace_back([&] {
        while (!over) {
          const auto deployment = WhenReady(registry_, "m").get();
          if (!deployment || !Submit(**deployment).get()) ++failed;
          ++answered;
        }
      });
    }
    for (int i = 0; i < 300; ++i) EXPECT_TRUE(Reload(registry_, "m").get());
    over = true;
  }
  EXPECT_EQ(failed, 0);
  EXPECT_GT(answered, 0);
  EXPECT_EQ(registry_.StateOf("m")->counts.reloads, 300U);
}

}  // namespace
}  // namespace weir
