#include "forecast/container_gate.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::forecast {
namespace {

constexpr Duration kMinute = std::chrono::minutes(1);
// Names that are counted at once. Beyond that many, which nobody has but an attacker, strangers share one count.
constexpr std::size_t kMostNames = 10'000;
constexpr std::string_view kOthers = "";

}  // namespace

bool ContainerGate::Knows(std::string_view container) const {
  return !options_.has_list || std::ranges::find(options_.containers, container) != options_.containers.end();
}

void ContainerGate::Forget(TimePoint now) {
  if (minutes_.size() < kMostNames) return;
  std::erase_if(minutes_, [&](const auto& one) { return now - one.second.begin >= kMinute; });
}

Status ContainerGate::Enter(std::string_view container, TimePoint now) {
  if (options_.per_minute == 0) return {};
  const MutexLock lock(mu_);
  auto found = minutes_.find(container);
  if (found == minutes_.end()) {
    Forget(now);
    found = minutes_.try_emplace(std::string(minutes_.size() < kMostNames ? container : kOthers), Minute{now, 0}).first;
  }
  Minute& minute = found->second;
  if (now - minute.begin >= kMinute) minute = {now, 0};
  if (minute.requests < options_.per_minute) {
    ++minute.requests;
    return {};
  }
  return std::unexpected(
      Error{.code = Code::kResourceExhausted,
            .message = fmt::format("Rate limit exceeded: {} per 1 minute", options_.per_minute),
            .retry_after = std::chrono::ceil<std::chrono::milliseconds>(minute.begin + kMinute - now),
            .limit = "requests_per_minute"});
}

MinuteQuota ContainerGate::QuotaOf(std::string_view container, TimePoint now) const {
  MinuteQuota quota{.limit = options_.per_minute, .remaining = options_.per_minute, .until_reset = kMinute};
  const MutexLock lock(mu_);
  auto found = minutes_.find(container);
  if (found == minutes_.end()) found = minutes_.find(kOthers);
  if (found == minutes_.end() || now - found->second.begin >= kMinute) return quota;
  quota.remaining = options_.per_minute - std::min(options_.per_minute, found->second.requests);
  quota.until_reset = found->second.begin + kMinute - now;
  return quota;
}

}  // namespace weir::forecast
