// Takes the place of src/base/mutex.h: every lock is a place where the scheduler may have another thread go on.
#pragma once

#include <cstddef>
#include <stop_token>

#include "base/clock.h"
#include "explore/scheduler.h"

#define GUARDED_BY(x)
#define REQUIRES(...)
#define EXCLUDES(...)

namespace weir {
inline namespace explored {  // so that code compiled against the other one does not link with this

class Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() { explore::Scheduler::Get().Lock(state_); }
  void unlock() { explore::Scheduler::Get().Unlock(state_); }

 private:
  explore::LockState state_;
};

class MutexLock {
 public:
  explicit MutexLock(Mutex& mu) : mu_(mu) { mu_.lock(); }
  ~MutexLock() { mu_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

class CondVar {
 public:
  void NotifyOne() { explore::Scheduler::Get().NotifyOne(this); }
  void NotifyAll() { explore::Scheduler::Get().NotifyAll(this); }

  template <typename Predicate>
  void Wait(Mutex& mu, Predicate done) {
    Wait(mu, std::stop_token(), done);
  }
  template <typename Predicate>
  bool Wait(Mutex& mu, const std::stop_token& stop, Predicate done) {
    return WaitUntil(mu, stop, TimePoint::max(), done);
  }
  template <typename Predicate>
  bool WaitUntil(Mutex& mu, const std::stop_token& stop, TimePoint until, Predicate done) {
    while (!done()) {
      if (stop.stop_requested() || explore::Scheduler::Get().Now() >= until) return false;
      mu.unlock();
      explore::Scheduler::Get().AwaitNotify(this, stop, until);
      mu.lock();
    }
    return true;
  }
};

}  // namespace explored
}  // namespace weir
