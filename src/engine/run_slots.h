// The cores, shared by all models: who may run now.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"

namespace weir {

// At most so many runs at once, over all models. Waiting models take turns by the time they have used: the one that
// used least comes first, so ten models get a tenth each, however long a run of each takes. Owned by the Engine; used
// by its workers. Thread-safe.
class RunSlots {
 public:
  // One model's part. Owned by its Deployment; the RunSlots outlive it.
  class Share {
   public:
    explicit Share(RunSlots& slots);
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // Blocks until a slot is free and it is this model's turn; false when `stop` came first.
    bool Acquire(const std::stop_token& stop);
    // After a run that took `used`: keeps the slot and returns true, unless another model waits. Then the slot is given
    // back, and the caller has to Acquire again.
    bool KeepAfter(Duration used);
    void Release();
    // A slot for measuring, only when nothing runs and nothing waits; then the next Acquire of anybody requests a stop
    // of `measurement`.
    bool AcquireToMeasure(const std::stop_source& measurement);

    // Seconds of work that wait for this model, for the others to reckon with.
    void SetBacklog(double seconds);
    // How long new work of this model waits when `own` seconds of its work are before it and at most `workers` of its
    // jobs run at once: others' work counts, as far as fair turns let it go first.
    double PredictedWait(double own, std::size_t workers) const;

   private:
    friend class RunSlots;
    RunSlots& slots_;
    std::atomic<std::int64_t> backlog_ns_ = 0;
    std::atomic<Duration::rep> uncounted_ = 0;  // used while nobody waited
    // Guarded by the mutex of slots_.
    Duration used_{};
    std::size_t active_ = 0;  // slots held, and workers waiting for one
  };

  explicit RunSlots(std::size_t slots) : slots_(slots), free_(slots) {}

  std::size_t slots() const { return slots_; }
  // True when nothing runs and nothing waits.
  bool idle() const;
  // Workers that wait for a slot.
  std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  struct Waiter {
    Share* share = nullptr;
    CondVar granted_changed;
    bool granted = false;
  };

  bool AcquireNow(Share& share) REQUIRES(mu_);
  void GiveBack(Share& share) REQUIRES(mu_);
  void Activate(Share& share) REQUIRES(mu_);
  void Deactivate(Share& share) REQUIRES(mu_);
  // Of those who wait: the one whose model has used least; waiters_.end() when nobody does.
  std::list<Waiter*>::iterator NextWaiter() REQUIRES(mu_);
  static void CountUsed(Share& share);

  const std::size_t slots_;
  std::atomic<std::int64_t> backlog_ns_ = 0;   // of all shares
  std::atomic<std::size_t> with_backlog_ = 0;  // shares that have some
  std::atomic<std::size_t> waiting_ = 0;       // mirrors waiters_.size()

  mutable Mutex mu_;
  std::size_t free_ GUARDED_BY(mu_);
  std::vector<Share*> active_ GUARDED_BY(mu_);  // that hold a slot or wait for one
  std::optional<std::stop_source> measurement_ GUARDED_BY(mu_);
  std::list<Waiter*> waiters_ GUARDED_BY(mu_);
};

}  // namespace weir
