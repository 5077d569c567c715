#include "engine/batch_policy.h"

#include <algorithm>

namespace weir {
namespace {

// The longest prefix that may run as one batch.
std::size_t Prefix(const BatchLimits& limits, std::span<const JobCost> costs) {
  if (costs[0].group == 0) return 1;
  std::size_t longest = 0;
  std::size_t total = 0;
  std::size_t count = 0;
  while (count < costs.size() && count < limits.max_jobs && costs[count].group == costs[0].group) {
    longest = std::max<std::size_t>(longest, costs[count].length);
    total += costs[count].length;
    const std::size_t padded = longest * (count + 1);
    const double padding = 1.0 - static_cast<double>(total) / static_cast<double>(std::max<std::size_t>(padded, 1));
    const bool fits = padded <= limits.max_padded_length && padding <= limits.max_padding;
    if (count > 0 && !fits) break;
    ++count;
  }
  return count;
}

}  // namespace

BatchDecision DecideBatch(const BatchLimits& limits, const QueueView& view, TimePoint now) {
  const std::size_t count = Prefix(limits, view.costs);
  const TimePoint due = view.oldest + limits.max_delay;
  const bool may_grow = count == view.costs.size() && count < limits.max_jobs && view.costs[0].group != 0;
  if (may_grow && now < due && !view.closed) return {.count = 0, .wait_until = due};
  return {.count = count};
}

}  // namespace weir
