// Which containers may ask the forecasting service, and how often.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"

namespace weir::forecast {

struct GateOptions {
  bool has_list = true;                 // false: every container may
  std::vector<std::string> containers;  // that may
  std::size_t per_minute = 100;         // requests of each; 0: no bound
};

// What is left to a container. Value type.
struct MinuteQuota {
  std::size_t limit = 0;  // 0: there is no bound
  std::size_t remaining = 0;
  Duration until_reset{};
};

// Containers are known by a header, which they choose themselves: this keeps order among friends, keys keep others out.
// A minute begins with a container's first request. Thread-safe, never blocks.
class ContainerGate {
 public:
  explicit ContainerGate(GateOptions options) : options_(std::move(options)) {}

  bool Knows(std::string_view container) const;
  // Counts a request, or refuses it with kResourceExhausted and the time until the next minute.
  Status Enter(std::string_view container, TimePoint now);
  MinuteQuota QuotaOf(std::string_view container, TimePoint now) const;

 private:
  struct Minute {
    TimePoint begin;
    std::size_t requests = 0;
  };
  void Forget(TimePoint now) REQUIRES(mu_);

  const GateOptions options_;
  mutable Mutex mu_;
  std::map<std::string, Minute, std::less<>> minutes_ GUARDED_BY(mu_);
};

}  // namespace weir::forecast
