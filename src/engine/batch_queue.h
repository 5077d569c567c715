// The line in front of a model's workers.
#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/batch_policy.h"
#include "engine/fair_lines.h"
#include "engine/job.h"

namespace weir {

// Jobs that run together. Confined to its worker; its memory is used again.
struct Batch {
  std::vector<JobPtr> jobs;
  std::stop_source run{std::nostopstate};  // ends the run early
};

struct QueueCounts {
  std::size_t queued = 0;
  std::size_t running = 0;
};

// In an order that is fair between classes and clients, with costs. Owned by a Deployment; callers push, workers take
// batches. Thread-safe. The bound is in Admission: who pushes holds a permit. It also knows the jobs that are running,
// so that a deadline is kept for them too. Destruction answers what is left (kInternal): close and drain first.
class BatchQueue {
 public:
  // `lanes` is how many batches may run at once. `costs` and `clock` outlive the queue.
  BatchQueue(const BatchLimits& limits, std::size_t lanes, const CostModel& costs, const Clock& clock)
      : limits_(limits), costs_(costs), clock_(clock), lanes_(lanes) {}

  // Never blocks. Gives the job back when the queue is closed.
  [[nodiscard]] JobPtr Push(JobPtr job);

  // How many batches may run at once, from now on.
  void SetLanes(std::size_t lanes) { lanes_.store(lanes); }

  // When Take may have something: never (TimePoint::max()) while nothing is queued, later while the policy waits for
  // company, else a moment that has passed. Lock-free; up to date once Push, Take or Close has returned.
  TimePoint ReadyAt() const { return TimePoint(Duration(ready_at_.load())); }

  // Never blocks. Fills `batch` with the jobs that the policy runs next, and notes them as running until Done, which is
  // called once they are answered. `batch.run` ends the run early: Expire requests its stop once every job of the
  // batch is in vain. Empty when there is nothing, or when the policy waits for company.
  void Take(Batch& batch);
  void Done(std::span<const JobPtr> jobs);

  // For a job that its caller runs itself, past the line: false unless nothing is queued. Done as after Take.
  bool TakePast(Job& job, const std::stop_source& run);

  // Answers queued and running jobs whose deadline has passed or whose caller said stop. Queued ones leave
  // the queue; running ones keep their place until their run has ended. Returns the earliest deadline of the rest.
  TimePoint Expire(TimePoint now);

  // Blocks until nothing is queued or running, the deadline has passed or `hurry` says stop; true when idle.
  bool WaitIdle(Deadline deadline, const std::stop_token& hurry);

  // No more pushes. Take hands out what is left. Idempotent.
  void Close();
  // Takes out what is queued, for answering it at a hard stop.
  std::vector<JobPtr> TakeAll();

  QueueCounts counts() const;

 private:
  struct Running {
    Job* job;
    std::stop_source run;  // shared by the jobs of one batch
    bool in_vain = false;
  };
  // What Expire has to say once the lock is free.
  struct Late {
    JobPtr job;  // null when it is still running
    Reply::Taken reply;
    Error error;
  };

  void Decide() REQUIRES(mu_);
  void NoteArrival(TimePoint now) REQUIRES(mu_);
  TimePoint CollectLate(TimePoint now, std::vector<Late>& late) REQUIRES(mu_);
  std::vector<std::stop_source> RunsInVain() const REQUIRES(mu_);
  void NoteReady(TimePoint wait_until = TimePoint::min()) REQUIRES(mu_);
  bool Idle() const REQUIRES(mu_) { return running_.empty() && jobs_.empty(); }

  // Constant after construction.
  const BatchLimits limits_;
  const CostModel& costs_;
  const Clock& clock_;

  // Guarded by mu_.
  mutable Mutex mu_;
  CondVar idle_;
  FairLines jobs_ GUARDED_BY(mu_);
  std::vector<Running> running_ GUARDED_BY(mu_);
  std::vector<WaitingJob> view_ GUARDED_BY(mu_);  // scratch for Decide
  BatchDecision decision_ GUARDED_BY(mu_);
  TimePoint last_arrival_ GUARDED_BY(mu_);
  double arrival_gap_ GUARDED_BY(mu_) = 0;  // seconds, smoothed; 0 = fewer than two arrivals
  bool closed_ GUARDED_BY(mu_) = false;

  std::atomic<std::size_t> lanes_;
  std::atomic<Duration::rep> ready_at_ = Duration::max().count();  // written under mu_
};

}  // namespace weir
