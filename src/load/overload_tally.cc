#include "load/overload_tally.h"

#include <fmt/format.h>

#include "load/refusal.h"

namespace weir::load {
namespace {

constexpr std::size_t kMostReasons = 32;
constexpr Duration kPoliteGuess = std::chrono::seconds(1);
constexpr Duration kLate = std::chrono::milliseconds(1);

bool Refused(const Outcome& outcome) { return outcome.status == 429 || outcome.status == 503; }

Duration RestOf(Manners manners, const Outcome& outcome, const Refusal& refusal) {
  switch (manners) {
    case Manners::kWaitExact:
      if (refusal.retry_after) return *refusal.retry_after;
      [[fallthrough]];
    case Manners::kWait:
      return outcome.retry_after ? std::chrono::duration_cast<Duration>(*outcome.retry_after) : kPoliteGuess;
    case Manners::kNone:
    case Manners::kImpatient: return Duration::zero();
  }
  return Duration::zero();
}

}  // namespace

Latencies Latencies::Of(const LatencyHistogram& histogram) {
  const auto ms = [](Duration latency) { return Seconds(latency) * 1e3; };
  return {.count = histogram.count(),
          .p50_ms = ms(histogram.Percentile(50)),
          .p99_ms = ms(histogram.Percentile(99)),
          .max_ms = ms(histogram.greatest())};
}

Duration OverloadTally::Ended(const Shot& shot, TimePoint now, const Outcome& outcome, bool in_time) {
  const bool good = outcome.ok() && now - shot.due <= deadline_;
  if (good && in_time && now >= start_) ++counts_.good_in_time;
  const Refusal refusal = outcome.status >= 300 ? ReadRefusal(outcome.example) : Refusal{};
  if (shot.counted) Count(shot, now, outcome, refusal.reason);
  return Refused(outcome) ? RestOf(manners_, outcome, refusal) : Duration::zero();
}

void OverloadTally::Count(const Shot& shot, TimePoint now, const Outcome& outcome, const std::string& reason) {
  if (shot.sent - shot.due > kLate) ++counts_.sent_late;
  if (outcome.gave_up) {
    ++counts_.given_up;
    return;
  }
  if (outcome.ok()) {
    ++(now - shot.due <= deadline_ ? counts_.good : counts_.late);
    answered_.Add(now - shot.due);
    return;
  }
  if (outcome.status == 0) {
    ++counts_.lost;
    return CountReason(fmt::format("{} ({})", outcome.error, outcome.example));
  }
  CountReason(reason.empty() ? std::to_string(outcome.status) : fmt::format("{} {}", outcome.status, reason));
  if (Refused(outcome)) {
    ++counts_.refused;
    refusals_.Add(now - shot.sent);
  } else {
    ++(outcome.status == 504 ? counts_.expired : counts_.failed);
  }
}

void OverloadTally::CountReason(const std::string& reason) {
  const bool room = counts_.reasons.size() < kMostReasons || counts_.reasons.contains(reason);
  ++counts_.reasons[room ? reason : "(others)"];
}

void OverloadTally::Dropped(const Shot& shot) {
  if (shot.counted) ++counts_.dropped;
}

OverloadCounts OverloadTally::Finish(std::uint64_t requests) {
  OverloadCounts counts = counts_;
  counts.requests = requests;
  const std::uint64_t ended = counts.good + counts.late + counts.refused + counts.expired + counts.failed +
                              counts.lost + counts.given_up + counts.dropped;
  counts.unfinished = requests > ended ? requests - ended : 0;
  counts.answered = Latencies::Of(answered_);
  counts.refusals = Latencies::Of(refusals_);
  return counts;
}

}  // namespace weir::load
