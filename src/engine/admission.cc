#include "engine/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace weir {
namespace {

// Weight of the newest run in the smoothed speed: about the last ten runs count.
constexpr double kSmoothing = 0.1;
constexpr std::chrono::milliseconds kLeastRetry{100};

}  // namespace

Permit& Permit::operator=(Permit&& other) noexcept {
  if (this == &other) return *this;
  Release();
  admission_ = std::exchange(other.admission_, nullptr);
  parts_ = other.parts_;
  jobs_ = other.jobs_;
  bytes_ = other.bytes_;
  work_ = other.work_;
  return *this;
}

Permit Permit::SplitOne() {
  if (admission_ == nullptr || parts_ <= 1) return std::move(*this);
  Permit one(admission_, 1, jobs_ / parts_, bytes_ / parts_, work_ / parts_);
  parts_ -= 1;
  jobs_ -= one.jobs_;
  bytes_ -= one.bytes_;
  work_ -= one.work_;
  return one;
}

void Permit::Release() {
  if (admission_ == nullptr) return;
  std::exchange(admission_, nullptr)->Release(parts_, jobs_, bytes_, work_);
}

Result<Permit> Admission::Acquire(const Demand& demand, Deadline deadline) {
  const MutexLock lock(mu_);
  if (demand.jobs > std::max(limits_.max_request_jobs, limits_.max_jobs)) {
    return Fail(Code::kTooLarge, fmt::format("the request has {} inputs, the limit is {}", demand.jobs,
                                             std::max(limits_.max_request_jobs, limits_.max_jobs)));
  }
  if (demand.bytes > limits_.max_bytes) {
    return Fail(Code::kTooLarge,
                fmt::format("the request holds {} bytes of inputs, the limit is {}", demand.bytes, limits_.max_bytes));
  }
  const Duration remaining = deadline.Remaining(clock_.Now());
  if (remaining == Duration::zero()) return Fail(Code::kDeadlineExceeded, "the deadline has passed");
  const std::size_t counted = std::min(demand.jobs, std::max<std::size_t>(limits_.max_jobs / 4, 1));
  // Of its work too: the rest takes its turns behind those who come later.
  const std::uint64_t work = demand.work * counted / std::max<std::size_t>(demand.jobs, 1);
  if (counted_ + counted > limits_.max_jobs) {
    return Refuse(fmt::format("the queue is full: {} of {} jobs", counted_, limits_.max_jobs));
  }
  if (bytes_ + demand.bytes > limits_.max_bytes) {
    return Refuse(fmt::format("the queue is full: {} of {} bytes", bytes_, limits_.max_bytes));
  }
  if (PredictedWait() >= remaining) {
    return Refuse(fmt::format("the queue is too long for this deadline: a wait of {:.1f} s is predicted",
                              Seconds(PredictedWait())));
  }
  jobs_ += demand.jobs;
  counted_ += counted;
  bytes_ += demand.bytes;
  work_ += work;
  Show(static_cast<double>(demand.jobs));
  return Permit(this, demand.jobs, counted, demand.bytes, work);
}

// The gauge is shared with the one that this one replaces, or that replaces it.
void Admission::Show(double more_jobs) {
  backlog_.Set(OwnSeconds());
  if (in_flight_) in_flight_->Add(more_jobs);
}

std::unexpected<Error> Admission::Refuse(std::string why) const {
  Error error{Code::kResourceExhausted, std::move(why)};
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(PredictedWait());
  error.retry_after = std::max(wait, kLeastRetry);
  return std::unexpected(std::move(error));
}

double Admission::OwnSeconds() const { return static_cast<double>(work_) * seconds_per_work_; }

Duration Admission::PredictedWait() const {
  const double seconds = backlog_.PredictedWait(OwnSeconds(), workers_);
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(seconds, 1e6)));
}

void Admission::Measured(std::uint64_t work, Duration run) {
  const double now = Seconds(run) / static_cast<double>(std::max<std::uint64_t>(work, 1));
  const MutexLock lock(mu_);
  seconds_per_work_ = seconds_per_work_ == 0 ? now : seconds_per_work_ + kSmoothing * (now - seconds_per_work_);
}

void Admission::SetLimits(const AdmissionLimits& limits, std::size_t workers) {
  const MutexLock lock(mu_);
  limits_ = limits;
  workers_ = workers;
}

std::size_t Admission::jobs() const {
  const MutexLock lock(mu_);
  return jobs_;
}

bool Admission::WaitIdle(Deadline deadline, const std::stop_token& hurry) {
  const MutexLock lock(mu_);
  return idle_.WaitUntil(mu_, hurry, deadline.at(), [this]() REQUIRES(mu_) { return jobs_ == 0; });
}

void Admission::Release(std::size_t parts, std::size_t counted, std::uint64_t bytes, std::uint64_t work) {
  const MutexLock lock(mu_);
  jobs_ -= parts;
  counted_ -= counted;
  bytes_ -= bytes;
  work_ -= work;
  Show(-static_cast<double>(parts));
  // Under the lock: a waiter may destroy this object as soon as it sees zero.
  if (jobs_ == 0) idle_.NotifyAll();
}

}  // namespace weir
