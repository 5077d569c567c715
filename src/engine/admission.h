// The bound on accepted work: what is over it is refused now, not after it has waited.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/machine.h"
#include "base/mutex.h"
#include "base/result.h"
#include "engine/backlog.h"
#include "metrics/metrics.h"

namespace weir {

struct AdmissionLimits {
  std::size_t max_jobs = 256;                                               // queued and running
  std::uint64_t max_bytes = ShareOfMemory(ThisMachine(), 8, 256ULL << 20);  // of their inputs
  // Most jobs of one request. However many they are, they count as a quarter of max_jobs at most: their turns come in
  // between others' (JobRequest::work_before), so a big request neither fills the line nor has to find it empty.
  std::size_t max_request_jobs = 1024;
};

class Admission;

// The right to have `jobs` jobs of `bytes` bytes in the engine. Move-only; gives itself back when
// destroyed. May be split, one part for each job of a request.
class Permit {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept
      : admission_(std::exchange(other.admission_, nullptr)), parts_(other.parts_), jobs_(other.jobs_),
        bytes_(other.bytes_), work_(other.work_) {}
  Permit& operator=(Permit&& other) noexcept;
  ~Permit() { Release(); }

  // Moves one job with its share of the bytes and the work into a permit of its own.
  Permit SplitOne();
  explicit operator bool() const { return admission_ != nullptr; }
  void Release();

 private:
  friend class Admission;
  Permit(Admission* admission, std::size_t parts, std::size_t jobs, std::uint64_t bytes, std::uint64_t work)
      : admission_(admission), parts_(parts), jobs_(jobs), bytes_(bytes), work_(work) {}

  Admission* admission_ = nullptr;
  std::size_t parts_ = 0;  // into which it may still be split
  std::size_t jobs_ = 0;   // that it counts as
  std::uint64_t bytes_ = 0;
  std::uint64_t work_ = 0;
};

// What a request asks for. `work` is in units that the servable chooses (tokens; 1 for a tensor model).
struct Demand {
  std::size_t jobs = 1;
  std::uint64_t bytes = 0;
  std::uint64_t work = 1;
};

// Bounds jobs, bytes and the predicted wait of one Deployment. Owned by it. Thread-safe, never blocks.
// Must outlive its permits.
class Admission {
 public:
  // `in_flight` (may be none) counts the jobs, of all who share it.
  // `backlog` outlives it.
  Admission(const AdmissionLimits& limits, std::size_t workers, Backlog::Share& backlog, const Clock& clock,
            std::optional<Gauge> in_flight = std::nullopt)
      : backlog_(backlog), clock_(clock), limits_(limits), workers_(workers), in_flight_(in_flight) {}

  // kResourceExhausted, with a `retry_after` from the measured speed, when a bound is reached or when the
  // work before this request is predicted to last beyond `deadline`. kTooLarge when the request could
  // never be admitted, kDeadlineExceeded when its time is over already.
  Result<Permit> Acquire(const Demand& demand, Deadline deadline);

  // A worker reports how long `work` units took it: feeds the prediction.
  void Measured(std::uint64_t work, Duration run);

  // From now on; what is in stays in.
  void SetLimits(const AdmissionLimits& limits, std::size_t workers);

  std::size_t jobs() const;
  // Blocks until no permit is out, the deadline has passed or `hurry` says stop; true when none is out.
  bool WaitIdle(Deadline deadline, const std::stop_token& hurry);

 private:
  friend class Permit;
  void Release(std::size_t parts, std::size_t counted, std::uint64_t bytes, std::uint64_t work);
  void Show(double more_jobs) REQUIRES(mu_);
  double OwnSeconds() const REQUIRES(mu_);
  Duration PredictedWait() const REQUIRES(mu_);
  std::unexpected<Error> Refuse(std::string why) const REQUIRES(mu_);

  // Constant after construction.
  Backlog::Share& backlog_;
  const Clock& clock_;

  // Guarded by mu_.
  mutable Mutex mu_;
  AdmissionLimits limits_ GUARDED_BY(mu_);
  std::size_t workers_ GUARDED_BY(mu_);
  std::optional<Gauge> in_flight_ GUARDED_BY(mu_);
  CondVar idle_;
  std::size_t jobs_ GUARDED_BY(mu_) = 0;     // there are
  std::size_t counted_ GUARDED_BY(mu_) = 0;  // against max_jobs
  std::uint64_t bytes_ GUARDED_BY(mu_) = 0;
  std::uint64_t work_ GUARDED_BY(mu_) = 0;
  double seconds_per_work_ GUARDED_BY(mu_) = 0;  // smoothed; 0 = not measured yet
};

}  // namespace weir
