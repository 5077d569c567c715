// A load from its beginning to the moment when requests see what it has made, or why there is nothing to see.
#include <fmt/format.h>

#include <exception>
#include <utility>

#include "base/log.h"
#include "base/memory.h"
#include "engine/registry_answers.h"

namespace weir {
namespace {

// Builders that nobody waits for; with more of them, loads wait for a thread.
constexpr std::size_t kMostLeftBehind = 16;

}  // namespace

void Registry::Begin(Entry& entry) {
  const bool beside = entry.state == ModelState::kReady;
  if (!beside) Move(entry, ModelState::kLoading);
  entry.wanted = true;
  entry.asked_for = false;
  entry.load = std::make_shared<ModelLoad>(entry.key, clock_.Now(), beside, ModelOf(entry.name).load);
  loaders_.Submit([this, load = entry.load] { RunLoad(load); });
}

void Registry::RunLoad(const std::shared_ptr<ModelLoad>& load) {
  {
    const MutexLock lock(mu_);
    if (load->stop().stop_requested()) return;
    load->begun_at = clock_.Now();
  }
  context_.note_deadline(load->end());
  log::Info("model {}: {}", load->name(), load->beside() ? "loading beside the one that serves" : "loading");
  Result<LoadedModel> loaded =
      load->Run({.loader = loader_,
                 .memory = memory_,
                 .make_room = [this, &load](const LoadPlan& plan) { return MakeRoom(*load, plan); },
                 .clock = clock_});
  DeploymentPtr deployment;
  try {
    if (loaded) deployment = Deploy(load->name(), *loaded);
  } catch (const std::exception& e) {
    loaded = Fail(Code::kInternal, e.what());
  }
  FinishLoad(*load, std::move(loaded), std::move(deployment));
  ReturnFreedMemory();
  const MutexLock lock(mu_);
  if (!load->left_behind) return;
  --left_behind_;
  loaders_.Shrink();
}

// A builder cannot be stopped; until it returns, others must not wait for its thread.
void Registry::LeaveBehind(ModelLoad& load) {
  if (!load.begun_at || left_behind_ >= kMostLeftBehind) return;
  load.left_behind = true;
  ++left_behind_;
  loaders_.Grow();
}

// Whoever lets go of it last, be it a job on a run thread, it is taken down by the unloaders' threads.
Registry::DeploymentPtr Registry::Deploy(const std::string& key, const LoadedModel& loaded) {
  auto totals = std::make_shared<RunTotals>();
  DeploymentOptions options = options_.deployment;
  {
    const MutexLock lock(mu_);
    ++deployments_;
    if (const Entry* entry = FindEntry(key)) {
      totals = entry->totals;
      options = ModelOf(entry->name).serving;
    }
  }
  auto made = std::make_unique<Deployment>(key, loaded.servable, options, context_, std::move(totals));
  return {made.release(), [this, key, memory = loaded.memory](Deployment* deployment) mutable {
            unloaders_.Submit([this, key, deployment, memory = std::move(memory)]() mutable {
              TakeDown(key, deployment, std::move(memory));
            });
          }};
}

void Registry::TakeDown(const std::string& key, Deployment* deployment, MemoryBudget::SharePtr memory) {
  delete deployment;
  ReturnFreedMemory();
  memory = nullptr;
  {
    const MutexLock lock(mu_);
    const Entry* const entry = FindEntry(key);
    if (entry == nullptr || entry->evicting != deployment) return OneLess();
  }
  FinishUnload(key);
  const MutexLock lock(mu_);
  OneLess();
}

void Registry::OneLess() {
  if (--deployments_ == 0) gone_.NotifyAll();
}

// Who has it, and its jobs, finish on it.
void Registry::LetGo(Entry& entry, Answers& answers) {
  std::erase_if(replaced_, [](const auto& one) { return one.expired(); });
  replaced_.push_back(entry.deployment);
  answers.Drop(std::move(entry.deployment));
  entry.deployment = nullptr;
  Leaves(entry.memory);
  entry.memory = nullptr;
}

void Registry::Publish(Model& model, Entry& entry, const ModelLoad& load, LoadedModel loaded,
                       const DeploymentPtr& deployment) {
  if (entry.state == ModelState::kReady) ++model.counts.reloads;
  if (entry.state == ModelState::kLoading) Move(entry, ModelState::kReady);
  entry.deployment = deployment;
  // What has been changed since it was made is changed for it too.
  deployment->Change(ChangesTo(model.serving));
  entry.memory = std::move(loaded.memory);
  entry.device = std::move(loaded.device);
  entry.on_cpu_because = std::move(loaded.fallback);
  entry.last_used = clock_.Now();
  entry.steps = load.steps();
  entry.steps.publish = clock_.Now() - load.built_at();
  entry.load_time = clock_.Now() - load.started();
  entry.failed = false;
  ++model.counts.loads;
}

void Registry::FinishLoad(ModelLoad& load, Result<LoadedModel> loaded, DeploymentPtr deployment) {
  Answers answers;
  const MutexLock lock(mu_);
  Entry* const found = FindEntry(load.name());
  if (closed_ || found == nullptr || found->load.get() != &load) {
    return answers.Drop(std::move(deployment));  // it was given up: whatever it made is dropped
  }
  Entry& entry = *found;
  Model& model = models_.find(entry.name)->second;
  entry.load = nullptr;
  entry.tries = load.tries();
  if (loaded) {
    answers.AddAll(entry.waiters, deployment);
    if (entry.deployment) LetGo(entry, answers);
    Publish(model, entry, load, std::move(*loaded), deployment);
    if (entry.memory) memory_.NoteChange();  // it may be idle soon
    probe_.Loaded(model.name, entry.load_time, load.beside());
    log::Info("model {}: ready in {:.2f} s ({})", entry.key, Seconds(entry.load_time), deployment->servable()->task());
  } else {
    KeepFailure(entry, std::move(loaded.error()));
    Failed(model, entry, load, answers);
  }
  probe_.Ready(model.name, IsReady(model));
  Settle(model, answers);
}

void Registry::KeepFailure(Entry& entry, Error why) {
  entry.error = std::move(why);
  entry.failed = true;
  entry.failed_at = clock_.Now();
}

void Registry::Failed(Model& model, Entry& entry, const ModelLoad& load, Answers& answers) {
  ++model.counts.failed;
  if (!load.beside()) Move(entry, ModelState::kFailed);
  log::Error("model {}: {}: {}", entry.key, load.beside() ? "not replaced, the one before serves on" : "not served",
             entry.error.message);
  if (!load.beside()) PassOn(model, entry, answers);
  for (Waiter& waiter : entry.waiters) {
    answers.Add(std::move(waiter.done), waiter.is_request ? WhyNot(entry) : std::unexpected(entry.error));
  }
  entry.waiters.clear();
  probe_.Failed(model.name);
}

void Registry::EndLate(Model& model, Entry& entry, Answers& answers) {
  const bool beside = entry.load->beside();
  KeepFailure(entry, {Code::kDeadlineExceeded, fmt::format("loading took longer than {:g} s and was given up",
                                                           Seconds(entry.load->limits().timeout))});
  log::Error("model {}: {}", entry.key, entry.error.message);
  if (!beside) {
    Move(entry, ModelState::kFailed);
    PassOn(model, entry, answers);
  }
  ++model.counts.timed_out;
  probe_.TimedOut(model.name);
  GiveUp(entry, {Code::kUnavailable, fmt::format("model '{}': {}", entry.key, entry.error.message)}, answers);
}

}  // namespace weir
