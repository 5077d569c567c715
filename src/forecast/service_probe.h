// The metrics that services of candle forecasts have, under their names.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/mutex.h"
#include "metrics/metrics.h"

namespace weir::forecast {

// Its verbs are called where the thing happens. Owned by the composition root. Thread-safe.
class ServiceProbe {
 public:
  explicit ServiceProbe(Metrics& metrics);

  void Began() { concurrent_.Add(1); }
  // `route`: of static duration.
  void Ended(std::string_view route, int status, Duration time);
  // A forecast that was asked for at `route` was computed in `time`.
  void Inferred(std::string_view route, Duration time);
  void Read(std::size_t candles) { input_size_.Observe(static_cast<double>(candles)); }
  void Stranger(std::string_view container);
  void RateLimited(std::string_view container);

 private:
  Counter TimedOut(const std::string& route);
  // Clients choose these names: the first hundred are told apart.
  std::string LabelOf(std::string_view container);

  Metrics& metrics_;
  Gauge concurrent_;
  Counter too_large_;
  Histogram input_size_;
  Mutex mu_;
  std::set<std::string, std::less<>> containers_ GUARDED_BY(mu_);
};

}  // namespace weir::forecast
