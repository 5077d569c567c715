// What running sets tell the outside, beside what every model tells.
#pragma once

#include <cstddef>
#include <string>

#include "base/clock.h"
#include "metrics/metrics.h"

namespace weir {

// The rows of one model and what they hold. Steps are its runs, and the rows of a step its batch (engine/probe.h).
// Owned by a StepLanes. Thread-safe, lock-free.
class StepProbe {
 public:
  StepProbe(Metrics& metrics, const std::string& model);

  // Of `rows` rows that there may be, of `bytes` each when used, so many are in use.
  void Rows(std::size_t busy, std::size_t rows, std::size_t bytes);
  // A job has made its first step, that long after it was queued.
  void FirstStep(Duration after) { first_step_.Observe(Seconds(after)); }

 private:
  Gauge busy_;
  Gauge free_;
  Gauge busy_bytes_;
  Gauge free_bytes_;
  Histogram first_step_;
};

}  // namespace weir
