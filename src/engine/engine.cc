#include "engine/engine.h"

#include <algorithm>
#include <future>
#include <utility>

namespace weir {
namespace {

// A core that builds a model and runs another one gives the run five sixths of its time: the kernel's weights differ
// by a quarter for each step (sched(7), "The nice value").
constexpr std::size_t kNicerThanRuns = 7;
constexpr std::size_t kNicest = 19;

int LoadNice(const EngineOptions& options) {
  return options.nice == 0 ? 0 : static_cast<int>(std::min(options.nice + kNicerThanRuns, kNicest));
}

}  // namespace

// The watch is made before the registry, because deployments tell it their deadlines; it is told nothing,
// and so sweeps nothing, until the first of them exists.
Engine::Engine(const EngineOptions& options, ServableLoader& loader, const Clock& clock, Metrics& metrics)
    : clock_(clock), watch_([this](TimePoint now) { return Expire(now); }), backlog_(options.slots),
      threads_(options.slots, clock, static_cast<int>(options.nice)),
      registry_({.deployment = options.deployment,
                 .load = options.load,
                 .load_threads = options.load_threads,
                 .load_nice = LoadNice(options),
                 .on_demand = options.on_demand,
                 .memory_budget = options.memory_budget},
                loader,
                {.clock = clock,
                 .metrics = metrics,
                 .threads = threads_,
                 .backlog = backlog_,
                 .costs = options.costs,
                 .note_deadline = [this](Deadline deadline) { watch_.Note(deadline); }}) {}

Engine::~Engine() {
  Close();
  watch_.Stop();
}

DeadlineList::Entry Engine::KeepDeadline(Deadline deadline, std::weak_ptr<Expires> what) {
  DeadlineList::Entry entry = deadlines_.Add(deadline, std::move(what));
  watch_.Note(deadline);
  return entry;
}

TimePoint Engine::Expire(TimePoint now) {
  // Who waits for a model hears that, rather than just "late".
  const TimePoint waiting_or_queued = registry_.Expire(now);
  return std::min(waiting_or_queued, deadlines_.Expire(now));
}

bool Engine::Drain(Deadline deadline, const std::stop_token& hurry) {
  const bool all = registry_.Drain(deadline, hurry);
  if (!all) deadlines_.GiveUp({Code::kUnavailable, "the server stopped before the request was answered"});
  return all;
}

Status Engine::LoadAndWait(const std::string& name) {
  std::promise<Status> promise;
  std::future<Status> outcome = promise.get_future();
  Load(name, Deadline::Never(),
       [&promise](Result<Registry::DeploymentPtr> loaded) { promise.set_value(loaded ? Status() : Forward(loaded)); });
  return outcome.get();
}

Status Engine::ReloadAndWait(const std::string& name) {
  std::promise<Status> promise;
  std::future<Status> outcome = promise.get_future();
  Reload(name, Deadline::Never(), [&promise](Result<Registry::DeploymentPtr> loaded) {
    promise.set_value(loaded ? Status() : Forward(loaded));
  });
  return outcome.get();
}

Status Engine::UnloadAndWait(const std::string& name, Deadline deadline) {
  std::promise<Status> promise;
  std::future<Status> outcome = promise.get_future();
  Unload(name, deadline, [&promise](Status done) { promise.set_value(std::move(done)); });
  return outcome.get();
}

void Engine::Submit(const std::string& model, JobRequest request, Reply::Callback callback) {
  const Deadline deadline = request.deadline;  // read before `request` moves
  WhenReady(
      model, deadline,
      [request = std::move(request), callback = std::move(callback)](Result<Registry::DeploymentPtr> ready) mutable {
        if (!ready) return callback(Forward(ready));
        (*ready)->Offer(std::move(request), std::move(callback));
      });
}

Result<Output> Engine::Run(const std::string& model, JobRequest request) {
  std::promise<Result<Output>> promise;
  std::future<Result<Output>> answer = promise.get_future();
  Submit(model, std::move(request), [&promise](Result<Output> output) { promise.set_value(std::move(output)); });
  return answer.get();
}

}  // namespace weir
