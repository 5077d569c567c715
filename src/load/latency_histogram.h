// Latencies in bounded memory.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace weir::load {

// Counts of latencies in bins each 0.2 % wider than the last, from 1 us to 1000 s; some 80 KB. A percentile is off by
// at most 0.1 %; least, greatest and mean are exact. Thread-compatible.
class LatencyHistogram {
 public:
  LatencyHistogram();
  ~LatencyHistogram();
  LatencyHistogram(const LatencyHistogram&) = delete;
  LatencyHistogram& operator=(const LatencyHistogram&) = delete;

  void Add(Duration latency);
  void Add(const LatencyHistogram& other);
  void Clear();

  std::uint64_t count() const { return count_; }
  // All of these are zero while nothing was added.
  Duration least() const { return least_; }
  Duration greatest() const { return greatest_; }
  Duration mean() const;
  // The least latency that `percent` of all do not exceed; 0 < percent <= 100.
  Duration Percentile(double percent) const;
  // (upper end, how many are in the bin) of bins a quarter wider than the last, without the empty ones at both ends.
  std::vector<std::pair<Duration, std::uint64_t>> Coarse() const;

 private:
  struct Bins;
  std::unique_ptr<Bins> bins_;
  std::uint64_t count_ = 0;
  double sum_ns_ = 0;
  Duration least_{};
  Duration greatest_{};
};

}  // namespace weir::load
