// What the engine tells the outside about its work.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "engine/run_totals.h"
#include "metrics/metrics.h"

namespace weir {

// What the prediction cache has done for a job: it had the answer, had to have it computed, or had that under way.
enum class CacheUse { kHit, kMiss, kJoined };

// The metrics of one model; its verbs are called where the thing happens. Owned by a Deployment.
// Thread-safe, lock-free.
class ModelProbe {
 public:
  // `totals` and `clock` outlive it.
  ModelProbe(Metrics& metrics, const std::string& model, RunTotals& totals, const Clock& clock);

  void Queued() { queued_jobs_.Add(); }
  void Refused(const Error& error);
  // A job that was queued at `queued`. Null error: answered with a result.
  void Answered(const Error* error, TimePoint queued);
  // A run of `jobs` jobs with `work` tokens, the longest of `longest`. `cost_error` is the cost model's own.
  void Ran(std::size_t jobs, std::uint64_t work, std::uint32_t longest, Duration run, double cost_error);
  // A run of jobs that were queued at these moments, whatever came of them.
  void Started(std::span<const TimePoint> queued, TimePoint start, TimePoint end, const GraphTime& graph);
  // `time`: of a hit.
  void Cached(CacheUse use, Duration time);
  void CacheHolds(std::uint64_t bytes) { cache_bytes_.Set(static_cast<double>(bytes)); }
  // Kept by Admission.
  Gauge in_flight() const { return in_flight_; }

 private:
  static constexpr std::size_t kCodes = static_cast<std::size_t>(Code::kInternal) + 1;
  // What Admission says for Error::limit.
  static constexpr std::array<std::string_view, 3> kLimits = {"max_jobs", "max_bytes", "predicted_wait"};

  RunTotals& totals_;
  const Clock& clock_;
  Counter queued_jobs_;
  std::array<Counter, kCodes> refused_;
  std::array<Counter, kLimits.size()> full_;
  std::array<Counter, kCodes> failed_;
  Counter succeeded_;
  Gauge in_flight_;
  Histogram queued_;
  Histogram run_;
  Histogram batch_;
  Counter tokens_;
  Counter padding_;
  Gauge cost_error_;
  std::array<Counter, 3> cached_;
  Gauge cache_bytes_;
};

// The metrics of loading. Owned by the Registry. Thread-safe.
class LoadProbe {
 public:
  explicit LoadProbe(Metrics& metrics) : metrics_(metrics) {}

  // `replaced`: it took the place of one that served.
  void Loaded(const std::string& model, Duration time, bool replaced);
  void Failed(const std::string& model) { Count(model, "failed"); }
  void TimedOut(const std::string& model) { Count(model, "timed_out"); }
  // Given up before its end.
  void Cancelled(const std::string& model) { Count(model, "cancelled"); }
  // It was unloaded to make room.
  void Evicted(const std::string& model) { Count(model, "evicted"); }
  void Ready(const std::string& model, bool ready);

 private:
  void Count(const std::string& model, const std::string& result);

  Metrics& metrics_;
};

}  // namespace weir
