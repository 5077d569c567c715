#include "hub/pause.h"

#include <algorithm>

#include "base/mutex.h"

namespace weir::hub {
namespace {

constexpr std::chrono::milliseconds kLongest = std::chrono::seconds(30);
constexpr std::chrono::milliseconds kMostAsked = std::chrono::minutes(5);

}  // namespace

bool Pause(std::chrono::milliseconds duration, std::stop_token stop) {
  Mutex mu;
  CondVar never;
  const MutexLock lock(mu);
  never.WaitUntil(mu, stop, std::chrono::steady_clock::now() + duration, [] { return false; });
  return !stop.stop_requested();
}

std::chrono::milliseconds PauseAfter(int failures, std::chrono::milliseconds first, std::chrono::milliseconds asked) {
  std::chrono::milliseconds pause = first;
  for (int i = 1; i < failures && pause < kLongest; ++i) pause *= 2;
  return std::max(std::min(pause, kLongest), std::min(asked, kMostAsked));
}

}  // namespace weir::hub
