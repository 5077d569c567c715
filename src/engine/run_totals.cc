#include "engine/run_totals.h"

namespace weir {

void RunTotals::Ran(std::span<const TimePoint> queued, TimePoint start, TimePoint end, const GraphTime& graph) {
  RunTime run{.count = 1, .graph = end - start};
  if (start <= graph.began && graph.began <= graph.ended && graph.ended <= end) {
    run = {.count = 1, .input = graph.began - start, .graph = graph.ended - graph.began, .output = end - graph.ended};
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch() - (end - start);
  const MutexLock lock(mu_);
  for (const TimePoint since : queued) {
    numbers_.queued.Add(start - since);
    numbers_.run.Add(run);
  }
  ++numbers_.executions;
  numbers_.runs_of[queued.size()].Add(run);
  numbers_.last = std::chrono::duration_cast<std::chrono::milliseconds>(now);
}

void RunTotals::Answered(bool succeeded, Duration since_queued) {
  const MutexLock lock(mu_);
  (succeeded ? numbers_.succeeded : numbers_.failed).Add(since_queued);
}

void RunTotals::Cached(bool hit, Duration time) {
  const MutexLock lock(mu_);
  (hit ? numbers_.cache_hits : numbers_.cache_misses).Add(time);
  if (hit) numbers_.succeeded.Add(time);
}

RunTotals::Numbers RunTotals::Take() const {
  const MutexLock lock(mu_);
  return numbers_;
}

}  // namespace weir
