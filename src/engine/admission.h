// The bound on accepted work: what is over it is refused now, not after it has waited.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/machine.h"
#include "base/mutex.h"
#include "base/result.h"
#include "engine/backlog.h"
#include "engine/lateness.h"
#include "engine/priority.h"
#include "metrics/metrics.h"

namespace weir {

struct AdmissionLimits {
  std::size_t max_jobs = 256;                                               // queued and running
  std::uint64_t max_bytes = ShareOfMemory(ThisMachine(), 8, 256ULL << 20);  // of their inputs
  // Beyond these two, each class has room for an eighth of them, which no other class can take.
  // Most jobs of one request. However many they are, they count as a quarter of max_jobs at most: their turns come in
  // between others' (JobRequest::work_before), so a big request neither fills the line nor has to find it empty.
  std::size_t max_request_jobs = 1024;
};

class Admission;

// What a request asks for. `work` is in units that the servable chooses (tokens; 1 for a tensor model).
struct Demand {
  std::size_t jobs = 1;
  std::uint64_t bytes = 0;
  std::uint64_t work = 1;
  Priority priority = Priority::kNormal;
  std::uint64_t client = 0;  // as JobRequest::client
};

// The right to have `jobs` jobs of `bytes` bytes in the engine. Move-only; gives itself back when
// destroyed. May be split, one part for each job of a request.
class Permit {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept : admission_(std::exchange(other.admission_, nullptr)), held_(other.held_) {}
  Permit& operator=(Permit&& other) noexcept;
  ~Permit() { Release(); }

  // Moves one job with its share of the bytes and the work into a permit of its own.
  Permit SplitOne();
  explicit operator bool() const { return admission_ != nullptr; }
  // The work that it was asked for, in the units of Demand.
  std::uint64_t work() const { return held_.work; }

  void Release();
  // The same, of a job that has run to its end or whose time is over: whether the prediction was right is learned from
  // these.
  void ReleaseEnded();

 private:
  friend class Admission;

  struct Held {
    std::size_t parts = 0;  // into which it may still be split
    std::size_t jobs = 0;   // that it counts as
    std::uint64_t bytes = 0;
    std::uint64_t work = 0;          // of all parts
    std::uint64_t counted_work = 0;  // that it counts as
    std::uint64_t client = 0;
    TimePoint deadline{};  // whether it was kept is to be learned; zero: it says nothing
    Priority priority = Priority::kNormal;
  };
  Permit(Admission* admission, const Held& held) : admission_(admission), held_(held) {}

  Admission* admission_ = nullptr;
  Held held_;
};

// Bounds jobs, bytes and the predicted finish of one Deployment. Owned by it. Thread-safe, never blocks.
// Must outlive its permits.
class Admission {
 public:
  // `in_flight` (may be none) counts the jobs, of all who share it.
  // `backlog` outlives it.
  Admission(const AdmissionLimits& limits, std::size_t workers, Backlog::Share& backlog, const Clock& clock,
            std::optional<Gauge> in_flight = std::nullopt)
      : backlog_(backlog), clock_(clock), limits_(limits), workers_(workers), in_flight_(in_flight) {}

  // kResourceExhausted, with the bound that was reached as `limit` and a `retry_after` from the measured speed, when
  // there is no room, or when the request is predicted to be finished after `deadline`. kTooLarge when the request
  // could never be admitted, kDeadlineExceeded when its time is over already.
  Result<Permit> Acquire(const Demand& demand, Deadline deadline);

  // A worker reports how long a run with `work` units (Permit::work) took: feeds the prediction.
  void Measured(std::uint64_t work, Duration run);

  // From now on; what is in stays in.
  void SetLimits(const AdmissionLimits& limits, std::size_t workers);

  std::size_t jobs() const;
  // Blocks until no permit is out, the deadline has passed or `hurry` says stop; true when none is out.
  bool WaitIdle(Deadline deadline, const std::stop_token& hurry);

 private:
  friend class Permit;

  // What a class has in the engine.
  struct Class {
    std::size_t counted = 0;
    std::uint64_t bytes = 0;
    std::uint64_t work = 0;
    std::size_t clients = 0;  // that have some work there
    std::unordered_map<std::uint64_t, std::uint64_t> work_of;
  };

  void Release(const Permit::Held& held, bool ended);
  void Show(double more_jobs) REQUIRES(mu_);
  void AddWork(Class& to, std::uint64_t client, std::uint64_t work) REQUIRES(mu_);
  void RemoveWork(Class& from, std::uint64_t client, std::uint64_t work) REQUIRES(mu_);
  Status Fits(const Class& own, std::size_t counted, std::uint64_t bytes) const REQUIRES(mu_);
  double SecondsOf(double work) const REQUIRES(mu_);
  double WorkBefore(const Demand& demand) const REQUIRES(mu_);
  Duration PredictedFinish(const Demand& demand, std::uint64_t work) const REQUIRES(mu_);
  std::unexpected<Error> Refuse(std::string_view limit, std::string why, Duration until_room) const REQUIRES(mu_);
  Duration TimeToFree(double share) const REQUIRES(mu_);

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
  std::array<Class, kPriorities> classes_ GUARDED_BY(mu_);
  double run_seconds_ GUARDED_BY(mu_) = 0;  // of a run, smoothed; 0 = not measured yet
  double run_work_ GUARDED_BY(mu_) = 0;     // in a run, smoothed alike
  Lateness lateness_ GUARDED_BY(mu_);
};

}  // namespace weir
