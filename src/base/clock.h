// Time behind an interface, and deadlines made from it.
#pragma once

#include <chrono>

namespace weir {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

// Monotonic time. Implementations are thread-safe and never block. Made by the composition root;
// everything else gets a reference. Tests pass a fake (base/fake_clock.h).
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint Now() const = 0;

  // The machine's steady clock.
  static const Clock& Steady();
};

// The moment after which an answer is worth nothing to the caller; may be "never". Immutable value.
class Deadline {
 public:
  Deadline() = default;  // never
  explicit Deadline(TimePoint at) : at_(at) {}

  static Deadline Never() { return Deadline(); }
  static Deadline After(const Clock& clock, Duration time) { return Deadline(clock.Now() + time); }

  bool Expired(TimePoint now) const { return now >= at_; }
  bool IsNever() const { return at_ == TimePoint::max(); }
  TimePoint at() const { return at_; }
  // Time left; zero once expired, Duration::max() for never.
  Duration Remaining(TimePoint now) const;

 private:
  TimePoint at_ = TimePoint::max();
};

// The steady clock as it was at the kernel's last tick, at most 10 ms ago: an eighth of the cost (3 ns), enough for
// time-outs of seconds.
TimePoint CoarseNow();

// Processor time of the calling thread: what work costs, whatever else the machine does meanwhile. 200 ns a call.
Duration ThreadTime();

inline double Seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace weir
