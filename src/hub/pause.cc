#include "hub/pause.h"

#include <algorithm>

namespace weir::hub {
namespace {

constexpr std::chrono::milliseconds kLongest = std::chrono::seconds(30);
constexpr std::chrono::milliseconds kMostAsked = std::chrono::minutes(5);

}  // namespace

std::chrono::milliseconds PauseAfter(int failures, std::chrono::milliseconds first, std::chrono::milliseconds asked) {
  std::chrono::milliseconds pause = first;
  for (int i = 1; i < failures && pause < kLongest; ++i) pause *= 2;
  return std::max(std::min(pause, kLongest), std::min(asked, kMostAsked));
}

}  // namespace weir::hub
