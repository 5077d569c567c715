// A mutex whose locking rules clang checks at compile time (-Wthread-safety); g++ sees plain code.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <stop_token>

#if defined(__clang__)
#define WEIR_ATTRIBUTE(x) __attribute__((x))
#else
#define WEIR_ATTRIBUTE(x)
#endif

// Abseil has the same names, for the same.
#undef GUARDED_BY
#undef REQUIRES
#undef EXCLUDES
#define GUARDED_BY(x) WEIR_ATTRIBUTE(guarded_by(x))
#define REQUIRES(...) WEIR_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) WEIR_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace weir {

// Thread-safe. Satisfies BasicLockable, so that condition_variable_any can wait on it. Spins for a short bounded time
// before it sleeps (glibc's adaptive kind): sections are some ten nanoseconds long, a sleep and its wake-up cost
// thousands.
class WEIR_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() WEIR_ATTRIBUTE(acquire_capability()) { pthread_mutex_lock(&mu_); }
  void unlock() WEIR_ATTRIBUTE(release_capability()) { pthread_mutex_unlock(&mu_); }

 private:
  pthread_mutex_t mu_ = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
};

// Holds a Mutex for a scope. Confined to one thread.
class WEIR_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mu) WEIR_ATTRIBUTE(acquire_capability(mu)) : mu_(mu) { mu_.lock(); }
  ~MutexLock() WEIR_ATTRIBUTE(release_capability()) { mu_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

// Condition variable for use with Mutex, waking on a stop request too. Thread-safe. The `_any` kind on
// purpose: with g++ 12 the plain kind loses wake-ups when a jthread is stopped outside the lock.
//
// The predicates run with the mutex held; clang cannot see that through the library, hence the opt-out.
class CondVar {
 public:
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

  template <typename Predicate>
  void Wait(Mutex& mu, Predicate done) WEIR_ATTRIBUTE(no_thread_safety_analysis) {
    cv_.wait(mu, done);
  }
  // Returns done() at the end: false means that a stop was requested first.
  template <typename Predicate>
  bool Wait(Mutex& mu, std::stop_token stop, Predicate done) WEIR_ATTRIBUTE(no_thread_safety_analysis) {
    return cv_.wait(mu, stop, done);
  }
  // Returns done() at the end: false means that the time was over (or a stop was requested) first.
  template <typename TimePoint, typename Predicate>
  bool WaitUntil(Mutex& mu, std::stop_token stop, TimePoint until, Predicate done)
      WEIR_ATTRIBUTE(no_thread_safety_analysis) {
    return cv_.wait_until(mu, stop, until, done);
  }

 private:
  std::condition_variable_any cv_;
};

}  // namespace weir
