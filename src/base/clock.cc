#include "base/clock.h"

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

}  // namespace weir
