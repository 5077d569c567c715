// What load is wanted: how many requests at once or how many a second, for how long.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace weir::load {

// Closed loop (rate 0): `in_flight` callers, each of which asks again when its answer is there. Open loop: requests
// are due at random moments (a Poisson process of `rate` a second) whatever the answers do, and at most `in_flight`
// are out at once. Value type.
struct LoadOptions {
  double rate = 0;
  std::size_t in_flight = 16;
  Duration warmup = std::chrono::seconds(2);
  Duration duration = std::chrono::seconds(10);
  std::uint64_t requests = 0;                   // counted requests; when > 0 it takes the place of `duration`
  Duration timeout = std::chrono::seconds(30);  // from sending to giving up; and from being due to being dropped
  // The time-out runs from the moment a request was due, and one that is due while `in_flight` are out is dropped at
  // once: sent later, it would take the place of one that still has all of its time.
  bool strict = false;
  // Requests of an open loop that are due within it go out together, at its end; what they wait for that counts as time
  // that they took. Else each of some thousand a second wakes the load and the server, which costs the machine more
  // than the request does. Zero: each at its moment.
  Duration tick{};
  std::uint64_t seed = 1;

  bool open() const { return rate > 0; }
};

}  // namespace weir::load
