// Which models there are, in which state, and who waits for them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/memory.h"
#include "base/mutex.h"
#include "engine/deployment.h"
#include "engine/memory_budget.h"
#include "engine/model_load.h"
#include "engine/model_state.h"
#include "engine/model_status.h"
#include "engine/model_version.h"
#include "engine/probe.h"
#include "engine/servable.h"
#include "executor/thread_pool.h"

namespace weir {

struct RegistryOptions {
  DeploymentOptions deployment;  // for each model
  LoadLimits load;
  std::size_t load_threads = 2;     // models loading at the same time
  int load_nice = 0;                // of these threads: a model that is built must not hold up those that serve
  bool on_demand = false;           // of a model that is declared without a plan
  std::uint64_t memory_budget = 0;  // bytes of all models together; 0: no bound
  MemoryBudget::Resident resident = ResidentMemory;
};

// What may be changed of a model while the server runs. Value type.
struct ModelChanges {
  DeploymentChanges serving;  // at once
  LoadChanges load;           // for the next load
};

// name -> Deployment. Loads a model once, however many ask; publishes it only after it was proven; replaces it without
// a gap. What every call does in every state: the table in docs/model-life.md. Owned by the Engine. Thread-safe; none
// of its locks is held while a model loads or a callback runs. Destruction stops hard: call Drain first.
//
// A model has one version or several, each with a life of its own (registry_versions.cc). The calls take the name of a
// model, which means all of its versions, or of one version: "minilm/3".
class Registry {
 public:
  using DeploymentPtr = std::shared_ptr<Deployment>;
  using Ready = std::move_only_function<void(Result<DeploymentPtr>)>;
  using Done = std::move_only_function<void(Status)>;

  Registry(const RegistryOptions& options, ServableLoader& loader, const DeploymentContext& context);
  ~Registry();

  // Makes a name known without loading it.
  void Declare(const std::string& name);
  // The same with its versions, or other versions of a model that is known. Versions that are not served any more go as
  // soon as the newest one that is serves.
  void Declare(const std::string& name, ModelPlan plan);

  // Starts loading unless that is under way or done; `done` gets the outcome of that one load (of several versions: of
  // the newest), or hears at the deadline that it goes on. Never blocks.
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
  Status Change(const std::string& name, const ModelChanges& changes);

  // Unload, and then the name is not known any more. Never blocks.
  void Remove(const std::string& name, Deadline deadline);

  // Hands out the model as soon as it is ready: at once (on this thread) when it is ready, failed or unknown, else when
  // loading ends or the deadline passes. Of several versions: the newest that serves. kNotFound names the nearest known
  // model, or the versions that there are.
  void WhenReady(const std::string& name, Deadline deadline, Ready done);

  // What a request should know before it waits; of a model that is not known: nothing special.
  struct Outlook {
    bool ready = false;       // it would not wait
    Duration max_deadline{};  // of the model's requests, from their arrival; zero: theirs
  };
  Outlook LookAhead(const std::string& name) const;

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
    bool is_request;           // hears that the model is not there; who asked for the load hears why
    bool any_version = false;  // another one will do
  };
  // One version of a model.
  struct Entry {
    std::string name;           // of the model
    VersionNumber version = 0;  // 0: the folder has none
    std::string key;            // "name/version": for the loader, and for people
    ModelState state = ModelState::kAbsent;
    bool wanted = true;                    // false from an unload to the next load that is asked for
    DeploymentPtr deployment;              // set while Ready or Draining
    std::shared_ptr<ModelLoad> load;       // set while Loading; while Ready: a reload
    std::vector<Waiter> waiters;           // for `load`; while Draining: for the load that follows
    std::vector<Done> unloaders;           // while Draining
    const Deployment* evicting = nullptr;  // while Draining to make room: what has to go first
    MemoryBudget::SharePtr memory;         // with the deployment
    std::string device;
    std::string on_cpu_because;  // why it is not on the device that was meant; empty when it is
    bool asked_for = false;      // while Draining: a load follows
    TimePoint last_used;         // asked for; kept for on-demand models
    Error error;                 // of the last load, when it failed
    bool failed = false;
    TimePoint failed_at;
    std::size_t tries = 0;
    Duration load_time{};
    LoadSteps steps;
    std::shared_ptr<RunTotals> totals = std::make_shared<RunTotals>();  // over all of its deployments
  };
  struct Model {
    std::string name;
    ModelPlan plan;
    std::map<VersionNumber, Entry, std::greater<>> versions;  // the newest first
    LoadLimits load;                                          // those of all models, as they were changed for this one
    DeploymentOptions serving;                                // likewise
    ModelCounts counts;
  };
  // What a reference leads to: a model, and the version when it names one.
  struct Found {
    Model* model;
    Entry* entry;  // null when no version is named
  };
  // Callbacks to be called once no lock is held.
  class Answers;

  // One version.
  void Begin(Entry& entry) REQUIRES(mu_);
  void GiveUp(Entry& entry, const Error& why, Answers& answers) REQUIRES(mu_);
  void CancelLoad(Model& model, Entry& entry, const Error& why, Answers& answers) REQUIRES(mu_);
  TimePoint ExpireOne(Model& model, Entry& entry, TimePoint now, Answers& answers) REQUIRES(mu_);
  void EndLate(Model& model, Entry& entry, Answers& answers) REQUIRES(mu_);
  void Wait(Entry& entry, Waiter waiter) REQUIRES(mu_);
  void LoadOne(Entry& entry, std::optional<Waiter> waiter, Answers& answers) REQUIRES(mu_);
  void ReloadOne(Entry& entry, std::optional<Waiter> waiter) REQUIRES(mu_);
  bool CancelOne(Model& model, Entry& entry, Answers& answers) REQUIRES(mu_);
  void UnloadOne(Model& model, Entry& entry, Deadline deadline, Done done, Answers& answers) REQUIRES(mu_);
  Result<DeploymentPtr> WhyNot(const Entry& entry) const REQUIRES(mu_);
  bool Comes(const Entry& entry) const REQUIRES(mu_);
  bool MayBeginForRequest(const Model& model, const Entry& entry) const REQUIRES(mu_);
  void RunLoad(const std::shared_ptr<ModelLoad>& load);
  void LeaveBehind(ModelLoad& load) REQUIRES(mu_);
  DeploymentPtr Deploy(const std::string& key, const LoadedModel& loaded);
  void TakeDown(const std::string& key, Deployment* deployment, MemoryBudget::SharePtr memory);
  void OneLess() REQUIRES(mu_);
  void FinishLoad(ModelLoad& load, Result<LoadedModel> loaded, DeploymentPtr deployment);
  void Publish(Model& model, Entry& entry, const ModelLoad& load, LoadedModel loaded, const DeploymentPtr& deployment)
      REQUIRES(mu_);
  void KeepFailure(Entry& entry, Error why) REQUIRES(mu_);
  void Failed(Model& model, Entry& entry, const ModelLoad& load, Answers& answers) REQUIRES(mu_);
  void LetGo(Entry& entry, Answers& answers) REQUIRES(mu_);
  void FinishUnload(const std::string& key);
  void Move(Entry& entry, ModelState to) REQUIRES(mu_);

  // registry_memory.cc.
  Result<MemoryBudget::SharePtr> MakeRoom(ModelLoad& load, const LoadPlan& plan);
  void Leaves(std::weak_ptr<MemoryBudget::Share> share) REQUIRES(mu_);
  bool Evict(const ModelLoad& load, const LoadPlan& plan, Answers& answers) REQUIRES(mu_);
  void EvictOne(Model& model, Entry& entry, Answers& answers) REQUIRES(mu_);

  // Several of them: registry_versions.cc.
  Model& ModelOf(std::string_view name) REQUIRES(mu_);
  Entry& EntryOf(Model& model, VersionNumber version) REQUIRES(mu_);
  Result<Found> Find(std::string_view reference) REQUIRES(mu_);
  Entry* FindEntry(std::string_view reference) REQUIRES(mu_);
  // That version, or all of them: the served ones, or those too that go or stand in.
  static std::vector<Entry*> ServedOf(const Found& found);
  static std::vector<Entry*> AllOf(const Found& found);
  static bool IsServed(const Model& model, const Entry& entry);
  static bool IsReady(const Model& model);
  const Entry* Choose(const Model& model) const REQUIRES(mu_);
  Entry* Choose(Model& model) REQUIRES(mu_);
  void PassOn(Model& model, Entry& failed, Answers& answers) REQUIRES(mu_);
  Entry* Substitute(Model& model, const Entry& failed) REQUIRES(mu_);
  void Settle(Model& model, Answers& answers) REQUIRES(mu_);
  ModelStatus StatusOf(const Model& model, const Entry* entry) const REQUIRES(mu_);
  VersionStatus VersionStatusOf(const Model& model, const Entry& entry) const REQUIRES(mu_);
  Error NotFound(std::string_view name) const REQUIRES(mu_);
  static Error NoneServed(const Model& model);
  std::vector<DeploymentPtr> Deployments() const;

  // Constant after construction.
  const RegistryOptions options_;
  ServableLoader& loader_;
  const DeploymentContext context_;
  const Clock& clock_;
  LoadProbe probe_;
  MemoryBudget memory_;

  // Guarded by mu_.
  mutable Mutex mu_;
  CondVar gone_;
  std::map<std::string, Model, std::less<>> models_ GUARDED_BY(mu_);
  std::vector<std::weak_ptr<Deployment>> replaced_ GUARDED_BY(mu_);          // they may still have jobs
  std::vector<std::weak_ptr<MemoryBudget::Share>> leaving_ GUARDED_BY(mu_);  // of those that go
  std::size_t deployments_ GUARDED_BY(mu_) = 0;                              // that exist
  std::size_t left_behind_ GUARDED_BY(mu_) = 0;                              // builders that nobody waits for
  bool closed_ GUARDED_BY(mu_) = false;

  // These two last, in this order: their tasks use all of the above, and a load that is dropped is taken down.
  ThreadPool unloaders_;
  ThreadPool loaders_;
};

}  // namespace weir
