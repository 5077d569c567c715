// The line in front of a model's workers.
#pragma once

#include <deque>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/batch_policy.h"
#include "engine/job.h"

namespace weir {

// First in, first out, with costs. Owned by a Deployment; callers push, workers pop batches. Thread-safe.
// The bound is in Admission: who pushes holds a permit. It also knows the jobs that are running, so that a
// deadline is kept for them too. Destruction answers what is left (kInternal): close and drain first.
class BatchQueue {
 public:
  BatchQueue(const BatchLimits& limits, const Clock& clock) : limits_(limits), clock_(clock) {}

  // Never blocks. Gives the job back when the queue is closed.
  [[nodiscard]] JobPtr Push(JobPtr job);

  // Blocks until a batch is due; empty when the queue is closed and drained, or on a stop request.
  // Jobs in the batch are noted as running until Done, which is called once they are answered.
  // `run` is what ends the run early: Expire requests its stop once every job of the batch is in vain.
  std::vector<JobPtr> Pop(const std::stop_token& stop, const std::stop_source& run);
  void Done(const std::vector<JobPtr>& batch);

  // Answers queued and running jobs whose deadline has passed or whose caller said stop. Queued ones leave
  // the queue; running ones keep their place until their run has ended. Returns the earliest deadline of the rest.
  TimePoint Expire(TimePoint now);

  // Blocks until nothing is queued or running, the deadline has passed or `hurry` says stop; true when idle.
  bool WaitIdle(Deadline deadline, const std::stop_token& hurry);

  // No more pushes. Pop hands out what is left. Idempotent.
  void Close();
  // Takes out what is queued, for answering it at a hard stop.
  std::vector<JobPtr> TakeAll();

  std::size_t size() const;

 private:
  struct Running {
    Job* job;
    std::stop_source run;  // shared by the jobs of one batch
    bool in_vain = false;
  };

  std::vector<JobPtr> TakeFront(std::size_t count, const std::stop_source& run) REQUIRES(mu_);
  std::vector<std::stop_source> RunsInVain() const REQUIRES(mu_);
  BatchDecision Decide() REQUIRES(mu_);

  // Constant after construction.
  const BatchLimits limits_;
  const Clock& clock_;

  // Guarded by mu_.
  mutable Mutex mu_;
  CondVar changed_;
  CondVar idle_;
  std::deque<JobPtr> jobs_ GUARDED_BY(mu_);
  std::vector<Running> running_ GUARDED_BY(mu_);
  std::vector<JobCost> costs_ GUARDED_BY(mu_);  // scratch for Decide
  bool closed_ GUARDED_BY(mu_) = false;
};

}  // namespace weir
