// Waiting that a stop request ends.
#pragma once

#include <chrono>
#include <stop_token>

#include "base/clock.h"
#include "base/mutex.h"

namespace weir {

// Blocks for that long, in real time; false when a stop request ended it early.
inline bool Pause(Duration duration, std::stop_token stop) {
  Mutex mu;
  CondVar never;
  const MutexLock lock(mu);
  never.WaitUntil(mu, stop, std::chrono::steady_clock::now() + duration, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace weir
