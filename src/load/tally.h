// What became of the requests.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "load/latency_histogram.h"

namespace weir::load {

// One request: when it was due, when it was sent, and whether it counts (those of the warm-up do not).
struct Shot {
  std::uint64_t number = 0;
  TimePoint due;
  TimePoint sent;
  TimePoint give_up;  // when its caller does
  bool counted = false;
  bool held = false;  // it was due while as many as allowed were out
};

// How one request ended. `error` is empty for success, else what is counted ("429", "timeout"); `example` is what the
// server said. `gave_up` when no answer came within the time that a caller waits.
struct Outcome {
  std::string error = {};
  std::string example = {};
  bool gave_up = false;
  int status = 0;                                        // of HTTP; 0 without an answer, or without HTTP
  std::optional<std::chrono::seconds> retry_after = {};  // what a refusal asks for

  bool ok() const { return error.empty(); }
};

// One second of the measured time.
struct Sample {
  std::uint64_t answers = 0;  // successes that came in this second
  std::uint64_t errors = 0;
  double p50_ms = 0;  // of those among them that count; 0 when there is none
  double p99_ms = 0;
};

struct ErrorCount {
  std::uint64_t count = 0;
  std::string example;  // of the first
};

// requests = succeeded + failed + dropped + unfinished.
struct Summary {
  std::uint64_t requests = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t dropped = 0;     // never sent: due for longer than the time-out when there was room for them
  std::uint64_t unfinished = 0;  // not answered when the run was ended early
  std::uint64_t late = 0;        // sent more than 1 ms after they were due, or dropped
  std::uint64_t held = 0;        // of these, due while as many as allowed were out
  std::map<std::string, ErrorCount> errors;

  double seconds = 0;           // measured time
  std::uint64_t completed = 0;  // successes within it, those sent in the warm-up included
  double per_second = 0;        // completed / seconds

  double mean_ms = 0;
  double least_ms = 0;
  std::vector<std::pair<std::string, double>> percentiles_ms;  // ("p50", …), ascending
  std::vector<std::pair<double, std::uint64_t>> distribution;  // (up to so many ms, count)
  std::vector<Sample> samples;                                 // whole seconds only
};

// Collects outcomes. Latency runs from the moment a request was due to its answer, so the time that it had to wait
// for being sent counts; requests that were given up or dropped count with the time that passed until then, for
// otherwise the worst would be missing. Thread-compatible.
class Tally {
 public:
  // The measured time begins at `start`. Below, `in_time` says whether `now` is before its end.
  explicit Tally(TimePoint start) : start_(start) {}

  void Sent(const Shot& shot);
  void Ended(const Shot& shot, TimePoint now, const Outcome& outcome, bool in_time);
  void Dropped(const Shot& shot, TimePoint now, bool in_time);
  void Unfinished(std::uint64_t count) { summary_.unfinished += count; }

  std::uint64_t counted() const { return summary_.requests; }
  std::uint64_t completed() const { return summary_.completed; }
  std::uint64_t failed() const { return summary_.failed + summary_.dropped; }
  TimePoint last_end() const { return last_end_; }
  // The last whole second, for a progress line.
  Sample latest() const { return summary_.samples.empty() ? Sample{} : summary_.samples.back(); }

  // The measured time ended at `end`.
  Summary Finish(TimePoint end);

 private:
  void Count(const Shot& shot);
  void CloseSeconds(TimePoint now);

  const TimePoint start_;
  Summary summary_;
  TimePoint last_end_;
  Sample current_;
  LatencyHistogram second_;
  LatencyHistogram all_;
};

}  // namespace weir::load
