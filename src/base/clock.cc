#include "base/clock.h"

#include <ctime>

namespace weir {
namespace {

class SteadyClock final : public Clock {
 public:
  TimePoint Now() const override { return std::chrono::steady_clock::now(); }
};

Duration Read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

const Clock& Clock::Steady() {
  static const SteadyClock clock;
  return clock;
}

Duration Deadline::Remaining(TimePoint now) const {
  if (IsNever()) return Duration::max();
  return Expired(now) ? Duration::zero() : at_ - now;
}

// The standard library's steady clock is Linux's CLOCK_MONOTONIC, of which this is the coarse sister.
TimePoint CoarseNow() { return TimePoint(Read(CLOCK_MONOTONIC_COARSE)); }

Duration ThreadTime() { return Read(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace weir
