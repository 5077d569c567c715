// One loaded version of a model: queue, workers, bounds.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/machine.h"
#include "base/mutex.h"
#include "engine/admission.h"
#include "engine/backlog.h"
#include "engine/batch_queue.h"
#include "engine/cost_model.h"
#include "engine/cost_store.h"
#include "engine/prediction_cache.h"
#include "engine/probe.h"
#include "engine/run_threads.h"
#include "engine/servable.h"
#include "engine/short_cut.h"
#include "engine/worker.h"

namespace weir {

struct DeploymentOptions {
  // Runs at once, of those that EngineOptions::slots allows over all models: one for each core, as a run uses one
  // thread.
  std::size_t workers = ThisMachine().cores();
  AdmissionLimits admission;
  std::optional<std::size_t>
      max_waiting;  // jobs beyond those that `workers` run; 0: what cannot run at once is refused
  BatchLimits batch;
  Duration max_deadline{};         // what a job has at most, whatever it asks for; zero: that
  std::uint64_t cache_bytes = 0;   // of answers to texts that are kept; 0: none are
  bool short_cut = true;           // run cheap jobs on the caller's thread
  bool measure_when_idle = false;  // measure what runs cost, once, while nothing is to do

  // What both bounds on jobs come to.
  AdmissionLimits bounds() const;
};

// What may be changed while a model serves; what is not there stays as it is. Value type.
struct DeploymentChanges {
  std::optional<std::size_t> workers;
  std::optional<std::size_t> max_jobs;
  std::optional<std::size_t> max_waiting;
  std::optional<std::uint64_t> max_bytes;
  std::optional<Duration> max_deadline;
};
void Apply(const DeploymentChanges& changes, DeploymentOptions& options);
// All that may be changed, as it is in `options`.
DeploymentChanges ChangesTo(const DeploymentOptions& options);

// What a Deployment shares with others; all of it outlives it.
struct DeploymentContext {
  const Clock& clock;
  Metrics& metrics;
  RunThreads& threads;
  Backlog& backlog;
  CostStore* costs;  // null: nothing is kept
  // Called with the deadline of each accepted job; it must be cheap.
  std::function<void(Deadline)> note_deadline;
};

// Bounds and what is under way, at one moment. Value type.
struct DeploymentStatus {
  std::size_t jobs = 0;  // admitted and not answered: queued, running, or being tokenized
  std::size_t queued = 0;
  std::size_t running = 0;  // inferences that are being run
  std::size_t workers = 0;
  std::size_t max_jobs = 0;
  std::uint64_t max_bytes = 0;
  Duration max_deadline{};
};
// The bounds, with nothing under way.
DeploymentStatus BoundsOf(const DeploymentOptions& options);

// Owned by the Registry, by who is about to submit, and by its jobs until they are answered. Thread-safe. Destruction
// waits for runs, so it must not happen on a run thread: the Registry sees to that.
class Deployment : public std::enable_shared_from_this<Deployment> {
 public:
  Deployment(std::string name, std::shared_ptr<const Servable> servable, const DeploymentOptions& options,
             const DeploymentContext& context, std::shared_ptr<RunTotals> totals = std::make_shared<RunTotals>());
  ~Deployment();
  Deployment(const Deployment&) = delete;
  Deployment& operator=(const Deployment&) = delete;

  // Of the version: "minilm/3", or "minilm" where there are none (engine/model_version.h).
  const std::string& name() const { return name_; }
  const std::shared_ptr<const Servable>& servable() const { return servable_; }
  const CostModel& costs() const { return costs_; }

  // A permit for all jobs of a request, or the refusal that the caller should see. Never blocks.
  Result<Permit> Admit(const Demand& demand, Deadline deadline);

  // A whole request of one job: checks it, admits it, queues it. `callback` as for Submit; when runs of the model are
  // measured to be cheaper than a wake-up, the job is run and answered before this returns.
  void Offer(JobRequest request, Reply::Callback callback);

  // Queues a job whose permit was given by this deployment. Never blocks; `callback` runs exactly once,
  // here when the job cannot be queued or the answer is in the cache, else on a worker's (or the deadline watch's)
  // thread.
  void Submit(JobRequest request, Permit permit, Reply::Callback callback);

  DeploymentStatus status() const;
  const RunTotals& totals() const { return *totals_; }
  // From now on; what is queued and running stays.
  void Change(const DeploymentChanges& changes) EXCLUDES(change_);
  // Answers what has expired; returns the earliest deadline of what is left.
  TimePoint Expire(TimePoint now) { return queue_.Expire(now); }

  // No new permits. Jobs that hold one may still be submitted and are run. Idempotent.
  void Close() { closed_.store(true, std::memory_order_release); }
  // Close, then block until every job is answered; at the deadline (or when `hurry` says stop) the rest is
  // answered with kUnavailable and running ones are stopped. True when nothing had to be given up.
  bool Drain(Deadline deadline, const std::stop_token& hurry);
  // Takes no more jobs, answers what is queued with kUnavailable and has what runs stopped. Does not wait.
  void StopHard();

 private:
  Deadline Cut(Deadline deadline) const;
  // Runs at once.
  std::size_t Lanes(const DeploymentOptions& options) const;
  // Before somebody is refused for what the queue holds: those whose clients have gone leave it now, not when their
  // turn comes. False when that was done just before.
  bool DropWhatIsInVain();
  WorkerContext MakeWorkerContext();
  std::unique_ptr<RunStrategy> MakeStrategy(std::size_t lanes);
  std::unique_ptr<Job> MakeJob(JobRequest request, Permit permit, Reply::Callback callback);
  void Enqueue(JobPtr job);
  void Run(PendingJob job);
  void Lead(PredictionCache::Flight flight, PendingJob job);
  void Landed(const PredictionCache::Flight& flight, const Result<Output>& output);
  void MeasureWhenIdle(const std::stop_token& stop);

  // Constant after construction.
  const std::string name_;
  const std::shared_ptr<const Servable> servable_;
  const DeploymentContext context_;
  const bool use_short_cut_;

  mutable Mutex change_;
  DeploymentOptions options_ GUARDED_BY(change_);  // as they are now

  const std::shared_ptr<RunTotals> totals_;
  ModelProbe probe_;
  CostModel costs_;
  Backlog::Share backlog_;
  Admission admission_;
  BatchQueue queue_;
  ShortCut short_cut_;
  std::optional<PredictionCache> cache_;
  std::atomic<TimePoint::rep> next_drop_ = 0;  // when DropWhatIsInVain may look again
  std::atomic<bool> closed_ = false;
  std::atomic<Duration::rep> max_deadline_ = 0;  // of options_
  const std::unique_ptr<RunStrategy> runs_;
  RunThreads::Share share_;  // these two last: they use all of the above
  std::jthread measuring_;
};

}  // namespace weir
