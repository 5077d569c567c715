// The face of the core: models in, jobs through, answers out. Needs no server around it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/machine.h"
#include "engine/deadline_list.h"
#include "engine/deadline_watch.h"
#include "engine/job.h"
#include "engine/patience.h"
#include "engine/registry.h"
#include "engine/servable.h"
#include "metrics/metrics.h"

namespace weir {

struct EngineOptions {
  DeploymentOptions deployment;  // for each model
  LoadLimits load;
  std::size_t load_threads = 2;     // models loading at the same time
  bool on_demand = false;           // of a model that is declared without a plan
  std::uint64_t memory_budget = 0;  // bytes of all models together; 0: no bound
  // Runs at once, over all models: one for each core that the process may use.
  std::size_t slots = ThisMachine().cores();
  // How willingly these yield to the threads that take and refuse requests (0 to 19), and so to other programs. Threads
  // that load models yield to these in turn, unless it is 0.
  std::size_t nice = 5;
  CostStore* costs = nullptr;  // outlives the engine; null: what is measured is not kept
};

// Owns the registry and, through it, queues and workers. Owned by the composition root (or by a program that
// embeds the core). Thread-safe. Destruction closes and stops hard: call Close and Drain first for a
// graceful end.
class Engine {
 public:
  // `loader`, `clock` and `metrics` outlive the engine.
  Engine(const EngineOptions& options, ServableLoader& loader, const Clock& clock, Metrics& metrics);
  ~Engine();

  // See Registry for these.
  void Load(const std::string& name, Deadline deadline, Registry::Ready done) {
    registry_.Load(name, deadline, std::move(done));
  }
  void WhenReady(const std::string& name, Deadline deadline, Registry::Ready done) {
    registry_.WhenReady(name, deadline, std::move(done));
  }
  Registry::Outlook LookAhead(const std::string& name) const { return registry_.LookAhead(name); }
  void Declare(const std::string& name) { registry_.Declare(name); }
  void Declare(const std::string& name, ModelPlan plan) { registry_.Declare(name, std::move(plan)); }
  void Reload(const std::string& name, Deadline deadline, Registry::Ready done) {
    registry_.Reload(name, deadline, std::move(done));
  }
  Result<bool> Cancel(const std::string& name) { return registry_.Cancel(name); }
  void Unload(const std::string& name, Deadline deadline, Registry::Done done) {
    registry_.Unload(name, deadline, std::move(done));
  }
  Status Change(const std::string& name, const ModelChanges& changes) { return registry_.Change(name, changes); }
  void Remove(const std::string& name, Deadline deadline) { registry_.Remove(name, deadline); }
  std::vector<ModelStatus> States() const { return registry_.States(); }
  Result<ModelStatus> StateOf(const std::string& name) const { return registry_.StateOf(name); }

  // Load, and block until it is ready or has failed.
  Status LoadAndWait(const std::string& name);
  Status ReloadAndWait(const std::string& name);
  // Unload, and block until it is absent.
  Status UnloadAndWait(const std::string& name, Deadline deadline);

  // One job: waits for the model while it loads, admits, queues. Never blocks; `callback` runs exactly
  // once, on this thread or another.
  void Submit(const std::string& model, JobRequest request, Reply::Callback callback);
  // Submit, and block for the answer.
  Result<Output> Run(const std::string& model, JobRequest request);

  // Has `what` expired at the deadline, wherever its work is by then. Keep the entry as long as that matters.
  DeadlineList::Entry KeepDeadline(Deadline deadline, std::weak_ptr<Expires> what);

  const Clock& clock() const { return clock_; }

  // No new jobs or loads; callers that wait for a model are answered. Idempotent.
  void Close() { registry_.Close(); }
  // Blocks until every accepted job is answered, at most to the deadline or until `hurry` says stop; then the
  // rest is answered with kUnavailable. True when nothing had to be given up.
  bool Drain(Deadline deadline, const std::stop_token& hurry = {});

 private:
  TimePoint Expire(TimePoint now);

  const Clock& clock_;
  DeadlineList deadlines_;
  DeadlineWatch watch_;
  Backlog backlog_;
  RunThreads threads_;
  Registry registry_;
};

}  // namespace weir
