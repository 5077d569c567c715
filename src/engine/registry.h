// Which models there are, in which state, and who waits for them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/deployment.h"
#include "engine/model_state.h"
#include "engine/probe.h"
#include "engine/servable.h"
#include "executor/thread_pool.h"

namespace weir {

// One model, as lists show it. Value type.
struct ModelStatus {
  std::string name;
  ModelState state = ModelState::kAbsent;
  std::string reason;  // why it failed; empty otherwise
  std::string task;    // empty until it is ready
};

// name -> Deployment. Loads a model once, however many ask; publishes it only after it was proven. Owned by
// the Engine. Thread-safe; no lock is held while a model loads or a callback runs. Destruction drains
// nothing: call Drain first.
class Registry {
 public:
  using DeploymentPtr = std::shared_ptr<Deployment>;
  using Ready = std::move_only_function<void(Result<DeploymentPtr>)>;

  Registry(const DeploymentOptions& options, std::size_t load_threads, ServableLoader& loader,
           const DeploymentContext& context);
  ~Registry();

  // Starts loading unless that is under way or done; `done` gets the outcome of that one load. Never blocks.
  void Load(const std::string& name, Ready done);

  // Hands out the model as soon as it is ready: at once (on this thread) when it is ready, failed or
  // unknown, else when loading ends or the deadline passes. kNotFound names the nearest known model.
  void WhenReady(const std::string& name, Deadline deadline, Ready done);

  // Takes a ready model out of service and blocks until its jobs are answered (at most to the deadline).
  Status Unload(const std::string& name, Deadline deadline);

  std::vector<ModelStatus> States() const;

  // Answers waiting callers and jobs whose deadline has passed; returns the earliest deadline of the rest.
  TimePoint Expire(TimePoint now);

  // No more loads and no new jobs; who waits for a model is answered. Idempotent.
  void Close();
  // Drains all deployments. True when no job had to be given up. Blocks at most to the deadline, or until
  // `hurry` says stop.
  bool Drain(Deadline deadline, const std::stop_token& hurry);

 private:
  struct Waiter {
    Deadline deadline;
    Ready done;
  };
  struct Entry {
    ModelState state = ModelState::kAbsent;
    DeploymentPtr deployment;  // set while Ready or Draining
    Error error;               // set while Failed
    TimePoint load_started;
    std::vector<Waiter> waiters;
  };

  void RunLoad(const std::string& name);
  Result<DeploymentPtr> BuildAndProve(const std::string& name);
  void FinishLoad(const std::string& name, Result<DeploymentPtr> built);
  void Move(Entry& entry, ModelState to) REQUIRES(mu_);
  Error NotFound(const std::string& name) const REQUIRES(mu_);
  std::vector<DeploymentPtr> Deployments() const;

  // Constant after construction.
  const DeploymentOptions options_;
  ServableLoader& loader_;
  const DeploymentContext context_;
  const Clock& clock_;
  LoadProbe probe_;

  // Guarded by mu_.
  mutable Mutex mu_;
  std::map<std::string, Entry, std::less<>> entries_ GUARDED_BY(mu_);
  bool closed_ GUARDED_BY(mu_) = false;

  ThreadPool loaders_;  // last: its tasks use all of the above
};

}  // namespace weir
