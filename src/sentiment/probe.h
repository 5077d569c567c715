// The metrics that services of sentiment have, under their names.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "metrics/metrics.h"
#include "sentiment/service.h"

namespace weir::sentiment {

// What has been counted, for those who want numbers instead of metrics. Value type.
struct Counts {
  std::uint64_t requests = 0;
  std::uint64_t failed = 0;  // answered with a status from 400 on
  std::int64_t active = 0;
  std::uint64_t predictions = 0;
  std::uint64_t cached = 0;       // of them
  double prediction_seconds = 0;  // of all together
};

// Its verbs are called where the thing happens. Owned by the composition root. Thread-safe.
class Probe {
 public:
  explicit Probe(Metrics& metrics);

  void Began();
  // `endpoint`, `method`: of static duration.
  void Ended(std::string_view endpoint, std::string_view method, int status, Duration time);
  void Predicted(const Prediction& prediction);
  void ModelLoaded(bool loaded) { loaded_.Set(loaded ? 1 : 0); }
  Counts counts() const;

 private:
  Metrics& metrics_;
  Gauge active_;
  Gauge loaded_;
  Histogram inference_;
  Histogram score_;
  Histogram length_;
  mutable Mutex mu_;
  Counts counts_ GUARDED_BY(mu_);
};

}  // namespace weir::sentiment
