// How far predictions of a finish are from the truth.
#pragma once

#include <algorithm>

namespace weir {

// Keeps the factor that 99 of 100 predictions have to be multiplied with in order to be long enough: one that was too
// short moves it up, one that was long enough moves it down by a 99th of that (a stochastic estimate of the quantile;
// Robbins and Monro 1951). Thread-compatible.
class Lateness {
 public:
  // Both > 0, in the same unit.
  void Observe(double predicted, double actual) {
    constexpr double kStep = 0.1;
    constexpr double kQuantile = 0.99;
    factor_ += kStep * (actual > predicted * factor_ ? kQuantile : kQuantile - 1);
    factor_ = std::clamp(factor_, 1.0, 4.0);
  }
  double factor() const { return factor_; }

 private:
  double factor_ = 1.25;
};

}  // namespace weir
