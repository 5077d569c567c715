// How a server does that gets more than it can do: its capacity first, then multiples of it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "load/http_driver.h"
#include "load/overload_tally.h"
#include "load/probes.h"

namespace weir::load {

// What to measure. Value type.
struct OverloadPlan {
  HttpLoad capacity;  // requests as they are
  HttpLoad load;      // the same with a deadline
  Duration deadline = std::chrono::milliseconds(500);
  Duration duration = std::chrono::seconds(10);
  Duration warmup = std::chrono::seconds(2);
  std::size_t connections = 0;           // of the closed loop that finds the capacity; 0: tries several
  std::optional<double> known_capacity;  // instead of finding it
  std::vector<double> factors = {1.5, 3, 10};
  std::size_t max_in_flight = 4096;
  std::size_t clients = 200;  // of the closed loops of clients that are refused; 0: leaves them out
  bool exact = false;         // polite ones wait to the millisecond where the server tells it
  std::vector<std::string> probes;
  std::optional<pid_t> pid;  // of the server, on this machine
  std::uint64_t seed = 1;
};

// Processor time while a part ran.
struct CpuUse {
  double own_us_per_request = 0;
  double own_percent = 0;                // of the machine
  std::optional<double> server_percent;  // of the machine, when its process is known
};

// One part of the measurement.
struct OverloadPart {
  std::string name;  // "1.5 C", "polite", "impatient"
  double rate = 0;   // offered a second; 0 for a closed loop
  std::size_t clients = 0;
  double seconds = 0;  // measured
  OverloadCounts counts;
  double good_per_second = 0;
  double good_percent = 0;  // of the capacity
  CpuUse cpu;
  std::vector<ProbeResult> probes;
  std::optional<double> recovery_s;  // open loop: until a request was answered in time again; none within a minute
};

struct CapacityTry {
  std::size_t connections = 0;
  double per_second = 0;
};

struct OverloadResult {
  double capacity = 0;  // answers a second
  std::size_t connections = 0;
  Latencies capacity_latency;
  std::vector<CapacityTry> tries;
  std::vector<OverloadPart> parts;
  bool ended_early = false;
};

// Where a measurement is, for a progress line. Thread-safe.
class OverloadView {
 public:
  struct Now {
    std::string part;
    std::size_t number = 0;  // of parts
    std::size_t parts = 0;
    Pacer::Progress progress;
  };
  Now Look(TimePoint now) const;

  // For who measures. `pacer` outlives the call of Leave.
  void Expect(std::size_t parts);
  void Enter(const std::string& part, const Pacer& pacer);
  void Leave();

 private:
  mutable Mutex mu_;
  Now now_ GUARDED_BY(mu_);
  const Pacer* pacer_ GUARDED_BY(mu_) = nullptr;
};

// Blocks until all is measured, or soon after `stop` is requested: then what there is comes back, with `ended_early`.
// The error says why the capacity could not be found.
Result<OverloadResult> MeasureOverload(const OverloadPlan& plan, OverloadView& view, const std::stop_token& stop);

}  // namespace weir::load
