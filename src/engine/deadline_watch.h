// Keeps deadlines: wakes when the earliest one passes.
#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"

namespace weir {

// One thread that sleeps until the earliest deadline it was told of, then calls `sweep`, which answers what
// has expired and returns the next deadline. Owned by the Engine. Note() is thread-safe, and lock-free
// unless the deadline is earlier than the one slept for. Destruction stops it.
class DeadlineWatch {
 public:
  using Sweep = std::function<TimePoint(TimePoint now)>;

  explicit DeadlineWatch(Sweep sweep);

  void Note(Deadline deadline);
  // Ends the thread and waits for a sweep that is under way. Idempotent; Note does nothing afterwards.
  void Stop();

 private:
  void Loop(const std::stop_token& stop);

  const Sweep sweep_;

  // Written under mu_; read without it by Note.
  std::atomic<TimePoint> next_ = TimePoint::max();
  Mutex mu_;
  CondVar changed_;

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace weir
