#include "engine/deadline_watch.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/thread_name.h"

namespace weir {

DeadlineWatch::DeadlineWatch(Sweep sweep)
    : sweep_(std::move(sweep)), thread_([this](const std::stop_token& stop) { Loop(stop); }) {}

void DeadlineWatch::Note(Deadline deadline) {
  if (deadline.at() >= next_.load(std::memory_order_acquire)) return;
  {
    const MutexLock lock(mu_);
    if (deadline.at() >= next_.load(std::memory_order_relaxed)) return;
    next_.store(deadline.at(), std::memory_order_release);
  }
  changed_.NotifyOne();
}

void DeadlineWatch::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void DeadlineWatch::Loop(const std::stop_token& stop) {
  SetThreadName("deadlines");
  while (!stop.stop_requested()) {
    {
      const MutexLock lock(mu_);
      const TimePoint until = next_.load(std::memory_order_relaxed);
      const auto earlier = [&] { return next_.load(std::memory_order_relaxed) < until; };
      if (until == TimePoint::max()) {
        if (!changed_.Wait(mu_, stop, earlier)) return;
        continue;
      }
      if (changed_.WaitUntil(mu_, stop, until, earlier)) continue;
      if (stop.stop_requested()) return;
      // What is noted while the sweep runs must not be lost: start from "none" and take the least.
      next_.store(TimePoint::max(), std::memory_order_release);
    }
    try {
      Note(Deadline(sweep_(Clock::Steady().Now())));
    } catch (const std::exception& e) {
      log::Error("answering what is late failed: {}", e.what());
    }
  }
}

}  // namespace weir
