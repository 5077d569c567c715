#include "base/clock.h"

#include <ctime>

namespace weir {
namespace {

class SteadyClock final : public Clock {
 public:
  TimePoint Now() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace

const Clock& Clock::Steady() {
  static const SteadyClock clock;
  return clock;
}

Duration Deadline::Remaining(TimePoint now) const {
  if (IsNever()) return Duration::max();
  return Expired(now) ? Duration::zero() : at_ - now;
}

Duration ThreadTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace weir
