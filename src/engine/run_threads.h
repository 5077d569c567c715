// The threads that run models, shared by all of them.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace weir {

// What a model gives the threads to do. Implementations are thread-safe.
class RunSource {
 public:
  virtual ~RunSource() = default;
  // When there is something to run: a moment that has passed for "now", TimePoint::max() for "nothing". Never blocks,
  // takes no lock.
  virtual TimePoint ReadyAt() const = 0;
  // Runs what comes next on this thread, if anything does. Blocks while the model runs.
  virtual void RunOne() = 0;
};

// As many threads as runs may be under way at once, over all models. A thread belongs to no model: after each run it
// goes on with the same one, unless another has something to run and has used less time; so ten models get a tenth
// each, however long a run of each takes, and nothing is handed over between threads. Owned by the Engine.
// Thread-safe. The models leave before it is destroyed.
class RunThreads {
 public:
  // One model's part. Owned by its Deployment; the RunThreads outlive it.
  class Share {
   public:
    // `source` is asked from now on, and outlives the share. At most `workers` threads are in its RunOne at a time.
    Share(RunThreads& threads, RunSource& source, std::size_t workers);
    // Blocks until no thread is in RunOne: have the runs stopped before.
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // From now on; threads that are in RunOne stay in it.
    void SetWorkers(std::size_t workers);

    // ReadyAt of the source may have come nearer: a thread that sleeps looks again. Never blocks.
    void Wake();

   private:
    friend class RunThreads;
    RunThreads& threads_;
    RunSource& source_;
    std::atomic<bool> leaving_ = false;
    // Guarded by the mutex of threads_.
    std::size_t workers_;
    std::size_t running_ = 0;  // threads in RunOne
    Duration used_{};
  };

  // `nice`: how willingly they yield to threads that answer (0 to 19).
  RunThreads(std::size_t count, const Clock& clock, int nice = 0);
  ~RunThreads();
  RunThreads(const RunThreads&) = delete;
  RunThreads& operator=(const RunThreads&) = delete;

  std::size_t count() const { return count_; }

  // The right to run something on a thread of one's own for measuring, when nothing runs or is ready; then whatever
  // becomes ready requests a stop of `measurement`. EndMeasuring gives it back.
  bool TryMeasure(const std::stop_source& measurement);
  void EndMeasuring();

 private:
  void Loop(const std::stop_token& stop, std::size_t number);
  // Blocks until a model has something to run; null on a stop request.
  Share* Next(const std::stop_token& stop);
  // After a run that took `used`: whether this thread goes on with the same model.
  bool GoesOn(Share& share, Duration used, const std::stop_token& stop);
  // The one to run next; null when nothing is ready, then `look_again` says when something will be.
  Share* Pick(TimePoint now, TimePoint& look_again) REQUIRES(mu_);
  Duration UsedBy(const Share& share) const REQUIRES(mu_);

  const std::size_t count_;
  const int nice_;
  const Clock& clock_;
  std::atomic<std::size_t> asleep_ = 0;  // threads that look for work or sleep; changed under mu_
  std::atomic<std::size_t> models_ = 0;  // mirrors shares_.size()

  mutable Mutex mu_;
  CondVar woken_;
  CondVar left_;
  std::vector<Share*> shares_ GUARDED_BY(mu_);
  std::size_t running_ GUARDED_BY(mu_) = 0;  // threads in RunOne
  // What the model picked last had used by then: who comes late starts there, as if it had been here all the time.
  Duration turn_ GUARDED_BY(mu_){};
  std::optional<std::stop_source> measurement_ GUARDED_BY(mu_);

  std::vector<Thread> threads_;  // last: they use all of the above
};

}  // namespace weir
