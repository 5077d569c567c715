// How cautious predictions of a finish have to be.
#pragma once

#include <algorithm>

namespace weir {

// The factor with which a predicted finish is compared with a deadline. A job that was admitted and came too late moves
// it up, one that came in time moves it down by a 99th of that, so that it stays where one in a hundred is late. (What
// is looked at is the outcome, not how long it took: an outcome is known half a second after the decision, and by then
// the factor is another.) Thread-compatible.
class Lateness {
 public:
  void Observe(bool late) { factor_ = std::clamp(factor_ + kStep * (late ? 0.99 : -0.01), kLeast, 4.0); }
  double factor() const { return factor_; }

 private:
  static constexpr double kStep = 0.01;
  // A longer line gives no more answers, only less room for what nobody foresees.
  static constexpr double kLeast = 1.25;

  double factor_ = kLeast;
};

}  // namespace weir
