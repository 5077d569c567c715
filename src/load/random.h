// Random numbers that are the same for a seed on every machine.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>

namespace weir::load {

// The engine's output is fixed by the C++ standard; what std's distributions make of it is not, hence these. Confined
// to one thread.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  // In [0, 1).
  double Unit() { return static_cast<double>(engine_() >> 11U) * 0x1p-53; }
  // In [least, most].
  std::uint64_t Whole(std::uint64_t least, std::uint64_t most) {
    return least + static_cast<std::uint64_t>(Unit() * static_cast<double>(most - least + 1));
  }
  // Mean 1: the gap between the events of a Poisson process of rate 1.
  double Exponential() { return -std::log1p(-Unit()); }
  // Mean 0, deviation 1 (Box and Muller's transform).
  double Normal() {
    const double radius = std::sqrt(2 * Exponential());
    return radius * std::cos(2 * std::numbers::pi * Unit());
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace weir::load
