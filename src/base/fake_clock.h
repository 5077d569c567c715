// A clock that tests move by hand.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace weir {

// Thread-safe. Starts one hour after the epoch so that subtracting a little never underflows.
class FakeClock final : public Clock {
 public:
  TimePoint Now() const override { return TimePoint(Duration(ticks_.load())); }
  void Advance(Duration by) { ticks_.fetch_add(by.count()); }

 private:
  std::atomic<Duration::rep> ticks_{Duration(std::chrono::hours(1)).count()};
};

}  // namespace weir
