// What became of the requests of a server that gets more than it can do.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "load/latency_histogram.h"
#include "load/pacer.h"

namespace weir::load {

// How a caller behaves that was refused.
enum class Manners {
  kNone,       // it asks no more
  kWait,       // waits Retry-After, in whole seconds; one second when the server does not say
  kWaitExact,  // waits "retry_after_ms" of the error's body, else as kWait
  kImpatient,  // asks again at once
};

// Some percentiles, in milliseconds.
struct Latencies {
  std::uint64_t count = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double max_ms = 0;

  static Latencies Of(const LatencyHistogram& histogram);
};

// requests = good + late + refused + expired + failed + lost + given_up + dropped + unfinished. Value type.
struct OverloadCounts {
  std::uint64_t requests = 0;    // that were due in the measured time
  std::uint64_t good = 0;        // answered within the deadline
  std::uint64_t late = 0;        // answered after it
  std::uint64_t refused = 0;     // 429 and 503
  std::uint64_t expired = 0;     // 504
  std::uint64_t failed = 0;      // every other status
  std::uint64_t lost = 0;        // no answer: no connection, or one that broke
  std::uint64_t given_up = 0;    // no answer by the deadline; the caller closed its connection
  std::uint64_t dropped = 0;     // never sent: as many as allowed were out until the deadline
  std::uint64_t unfinished = 0;  // not answered when the run was ended early
  std::uint64_t sent_late = 0;   // sent over 1 ms after they were due

  std::uint64_t good_in_time = 0;  // good answers that came in the measured time, those sent in the warm-up included
  std::map<std::string, std::uint64_t> reasons;  // of refused, expired, failed, lost: "429 resource_exhausted: ..."

  Latencies answered;  // good and late, from the moment when they were due
  Latencies refusals;  // from sending
};

// Counts for one run. A Pacer's watcher: it is called under that one's lock. Read it when the run has ended.
class OverloadTally final : public Watcher {
 public:
  // `start` of the measured time, as the Pacer has it.
  OverloadTally(Duration deadline, Manners manners) : deadline_(deadline), manners_(manners) {}
  void SetStart(TimePoint start) { start_ = start; }

  Duration Ended(const Shot& shot, TimePoint now, const Outcome& outcome, bool in_time) override;
  void Dropped(const Shot& shot) override;

  // `requests` were due, as the Pacer counted.
  OverloadCounts Finish(std::uint64_t requests);

 private:
  void Count(const Shot& shot, TimePoint now, const Outcome& outcome, const std::string& reason);
  void CountReason(const std::string& reason);

  // Constant while it runs.
  const Duration deadline_;
  const Manners manners_;
  TimePoint start_;

  // Confined to the callers of Ended and Dropped, who take turns.
  OverloadCounts counts_;
  LatencyHistogram answered_;
  LatencyHistogram refusals_;
};

}  // namespace weir::load
