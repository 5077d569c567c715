// Which models there are, in which state, and who waits for them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/deployment.h"
#include "engine/model_load.h"
#include "engine/model_state.h"
#include "engine/probe.h"
#include "engine/servable.h"
#include "executor/thread_pool.h"

namespace weir {

// What has happened to a model since the start. Value type.
struct ModelCounts {
  std::uint64_t loads = 0;      // that were published, reloads included
  std::uint64_t reloads = 0;    // that took the place of one that served
  std::uint64_t failed = 0;     // loads that failed
  std::uint64_t cancelled = 0;  // loads that were given up: cancelled, unloaded meanwhile, or too long
  std::uint64_t unloads = 0;
};

// One model, as lists show it. Value type.
struct ModelStatus {
  std::string name;
  ModelState state = ModelState::kAbsent;
  std::string reason = {};  // why its last load or reload failed; empty otherwise
  std::string task = {};    // empty unless it is ready
  bool loading = false;     // a load is under way; while it is ready: a reload
  Duration loading_for{};
  std::size_t tries = 0;    // of the load under way, else of the last one
  std::size_t waiting = 0;  // callers that wait for it to be ready
  ModelCounts counts = {};
  Duration load_time{};  // of the load that serves
  LoadSteps steps = {};
  std::uint64_t weight_bytes = 0;
  DeploymentStatus serving = {};  // while it is ready
};

struct RegistryOptions {
  DeploymentOptions deployment;  // for each model
  LoadLimits load;
  std::size_t load_threads = 2;  // models loading at the same time
  bool on_demand = false;        // a request for a model that is declared and absent loads it
};

// name -> Deployment. Loads a model once, however many ask; publishes it only after it was proven; replaces it without
// a gap. What every call does in every state: the table in docs/model-life.md. Owned by the Engine. Thread-safe; none
// of its locks is held while a model loads or a callback runs. Destruction stops hard: call Drain first.
class Registry {
 public:
  using DeploymentPtr = std::shared_ptr<Deployment>;
  using Ready = std::move_only_function<void(Result<DeploymentPtr>)>;
  using Done = std::move_only_function<void(Status)>;

  Registry(const RegistryOptions& options, ServableLoader& loader, const DeploymentContext& context);
  ~Registry();

  // Makes a name known without loading it.
  void Declare(const std::string& name);

  // Starts loading unless that is under way or done; `done` gets the outcome of that one load, or hears at the deadline
  // that it goes on. Never blocks.
  void Load(const std::string& name, Deadline deadline, Ready done);

  // Loads the model once more beside the one that serves, and puts the new one in its place. Jobs and callers that have
  // the old one finish on it. When it fails, the old one serves on. A model that does not serve is loaded.
  // `deadline` as above. Never blocks.
  void Reload(const std::string& name, Deadline deadline, Ready done);

  // Gives the load that is under way up; who waits for it is answered. False when there is none.
  Result<bool> Cancel(const std::string& name);

  // Takes the model out of service: no new jobs; those that are there are answered, at most to the deadline, then given
  // up with kUnavailable. A load is given up. Never blocks: `done` is called when nothing is left.
  void Unload(const std::string& name, Deadline deadline, Done done);

  // Changes these settings of a model, whatever its state; a reload keeps them.
  Status Change(const std::string& name, const DeploymentChanges& changes);

  // Unload, and then the name is not known any more. Never blocks.
  void Remove(const std::string& name, Deadline deadline);

  // Hands out the model as soon as it is ready: at once (on this thread) when it is ready, failed or unknown, else when
  // loading ends or the deadline passes. kNotFound names the nearest known model.
  void WhenReady(const std::string& name, Deadline deadline, Ready done);

  std::vector<ModelStatus> States() const;
  Result<ModelStatus> StateOf(const std::string& name) const;

  // Answers waiting callers and jobs whose deadline has passed, gives up loads that take too long; returns the earliest
  // deadline of the rest.
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
    bool is_request;  // hears that the model is not there; who asked for the load hears why
  };
  struct Entry {
    ModelState state = ModelState::kAbsent;
    bool wanted = true;               // false from an unload to the next load that is asked for
    DeploymentPtr deployment;         // set while Ready or Draining
    std::shared_ptr<ModelLoad> load;  // set while Loading; while Ready: a reload
    std::vector<Waiter> waiters;      // for `load`; while Draining: for the load that follows
    std::vector<Done> unloaders;      // while Draining
    Error error;                      // of the last load, when it failed
    bool failed = false;
    TimePoint failed_at;
    std::size_t tries = 0;
    DeploymentChanges changes;  // over the options of all models
    ModelCounts counts;
    Duration load_time{};
    LoadSteps steps;
  };
  // Callbacks to be called once no lock is held.
  class Answers;

  void Begin(const std::string& name, Entry& entry) REQUIRES(mu_);
  void GiveUp(const std::string& name, Entry& entry, const Error& why, Answers& answers) REQUIRES(mu_);
  void EndLate(const std::string& name, Entry& entry, Answers& answers) REQUIRES(mu_);
  void Wait(Entry& entry, Waiter waiter) REQUIRES(mu_);
  Result<DeploymentPtr> WhyNot(const std::string& name, const Entry& entry) const REQUIRES(mu_);
  bool MayBeginForRequest(const Entry& entry) const REQUIRES(mu_);
  void RunLoad(const std::shared_ptr<ModelLoad>& load);
  DeploymentPtr Deploy(const std::string& name, std::shared_ptr<const Servable> servable);
  void FinishLoad(ModelLoad& load, Result<DeploymentPtr> built);
  void Publish(Entry& entry, const ModelLoad& load, const DeploymentPtr& deployment) REQUIRES(mu_);
  void FinishUnload(const std::string& name);
  void Move(Entry& entry, ModelState to) REQUIRES(mu_);
  ModelStatus StatusOf(const std::string& name, const Entry& entry) const REQUIRES(mu_);
  Error NotFound(const std::string& name) const REQUIRES(mu_);
  std::vector<DeploymentPtr> Deployments() const;

  // Constant after construction.
  const RegistryOptions options_;
  ServableLoader& loader_;
  const DeploymentContext context_;
  const Clock& clock_;
  LoadProbe probe_;

  // Guarded by mu_.
  mutable Mutex mu_;
  CondVar gone_;
  std::map<std::string, Entry, std::less<>> entries_ GUARDED_BY(mu_);
  std::vector<std::weak_ptr<Deployment>> replaced_ GUARDED_BY(mu_);  // they may still have jobs
  std::size_t deployments_ GUARDED_BY(mu_) = 0;                      // that exist
  bool closed_ GUARDED_BY(mu_) = false;

  // These two last, in this order: their tasks use all of the above, and a load that is dropped is taken down.
  ThreadPool unloaders_;
  ThreadPool loaders_;
};

}  // namespace weir
