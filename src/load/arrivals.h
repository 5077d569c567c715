// When requests are due that do not wait for answers.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "load/random.h"

namespace weir::load {

// A Poisson process: gaps are independent and exponential, so requests come as from many users who do not know of
// each other. The same seed gives the same moments. Confined to one thread.
class PoissonArrivals {
 public:
  // `rate` > 0, per second.
  PoissonArrivals(double rate, std::uint64_t seed, TimePoint start) : rate_(rate), random_(seed), start_(start) {}

  // The next moment. Counted from the start, so that rounding does not add up.
  TimePoint Next() {
    seconds_ += random_.Exponential() / rate_;
    return start_ + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds_));
  }

 private:
  const double rate_;
  Random random_;
  const TimePoint start_;
  double seconds_ = 0;
};

}  // namespace weir::load
