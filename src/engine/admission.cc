#include "engine/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace weir {
namespace {

// Weight of the newest run in what is smoothed: about the last ten runs count.
constexpr double kSmoothing = 0.1;
constexpr std::chrono::milliseconds kLeastRetry{10};
// A prediction is learned from when it was at least this share of the time that there was: those that decide.
constexpr int kDeciding = 4;
// The part of each bound that a class has for itself.
constexpr int kOwnPart = 8;
// Clients that are remembered before those without work are forgotten.
constexpr std::size_t kClients = 1024;

Duration ToDuration(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(seconds, 1e6)));
}

}  // namespace

Permit& Permit::operator=(Permit&& other) noexcept {
  if (this == &other) return *this;
  Release();
  admission_ = std::exchange(other.admission_, nullptr);
  held_ = other.held_;
  return *this;
}

Permit Permit::SplitOne() {
  if (admission_ == nullptr || held_.parts <= 1) return std::move(*this);
  Held one = held_;
  one.parts = 1;
  one.jobs = held_.jobs / held_.parts;
  one.bytes = held_.bytes / held_.parts;
  one.work = held_.work / held_.parts;
  one.counted_work = held_.counted_work / held_.parts;
  held_.parts -= 1;
  held_.jobs -= one.jobs;
  held_.bytes -= one.bytes;
  held_.work -= one.work;
  held_.counted_work -= one.counted_work;
  return {admission_, one};
}

void Permit::Release() {
  if (admission_ != nullptr) std::exchange(admission_, nullptr)->Release(held_, false);
}

void Permit::ReleaseEnded() {
  if (admission_ != nullptr) std::exchange(admission_, nullptr)->Release(held_, true);
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
  Class& own = classes_[Index(demand.priority)];
  if (Status fits = Fits(own, counted, demand.bytes); !fits) return Forward(fits);
  const Duration finish = PredictedFinish(demand, work);
  const Duration cautious = ToDuration(Seconds(finish) * lateness_.factor());
  // Where nothing is under way it is tried: or a speed that is wrong would never be put right.
  if (work_ > 0 && cautious >= remaining) {
    return Refuse("predicted_wait",
                  fmt::format("the queue is too long for this deadline: {:.3g} s are predicted, {:.3g} s are left",
                              Seconds(cautious), Seconds(remaining)),
                  cautious - remaining);
  }
  jobs_ += demand.jobs;
  counted_ += counted;
  bytes_ += demand.bytes;
  work_ += work;
  own.counted += counted;
  own.bytes += demand.bytes;
  AddWork(own, demand.client, work);
  Show(static_cast<double>(demand.jobs));
  const bool learn = demand.jobs == 1 && finish >= remaining / kDeciding;
  return Permit(this, {.parts = demand.jobs,
                       .jobs = counted,
                       .bytes = demand.bytes,
                       .work = demand.work,
                       .counted_work = work,
                       .client = demand.client,
                       .deadline = learn ? deadline.at() : TimePoint(),
                       .priority = demand.priority});
}

// Each class may go over the bound as far as it uses the part that it has for itself.
Status Admission::Fits(const Class& own, std::size_t counted, std::uint64_t bytes) const {
  if (counted_ + counted > limits_.max_jobs && own.counted + counted > limits_.max_jobs / kOwnPart) {
    const double over = static_cast<double>(counted_ + counted - limits_.max_jobs);
    return Refuse("max_jobs", fmt::format("the queue is full: {} of {} jobs", counted_, limits_.max_jobs),
                  TimeToFree(over / static_cast<double>(std::max<std::size_t>(counted_, 1))));
  }
  if (bytes_ + bytes > limits_.max_bytes && own.bytes + bytes > limits_.max_bytes / kOwnPart) {
    const double over = static_cast<double>(bytes_ + bytes - limits_.max_bytes);
    return Refuse("max_bytes", fmt::format("the queue is full: {} of {} bytes", bytes_, limits_.max_bytes),
                  TimeToFree(over / static_cast<double>(std::max<std::uint64_t>(bytes_, 1))));
  }
  return {};
}

// Until this share of what is under way has been done.
Duration Admission::TimeToFree(double share) const {
  return ToDuration(backlog_.PredictedWait(SecondsOf(static_cast<double>(work_)), workers_) * std::min(share, 1.0));
}

// The gauge is shared with the one that this one replaces, or that replaces it.
void Admission::Show(double more_jobs) {
  backlog_.Set(SecondsOf(static_cast<double>(work_)));
  if (in_flight_) in_flight_->Add(more_jobs);
}

std::unexpected<Error> Admission::Refuse(std::string_view limit, std::string why, Duration until_room) const {
  Error error{Code::kResourceExhausted, std::move(why)};
  error.limit = limit;
  error.retry_after = std::max(std::chrono::ceil<std::chrono::milliseconds>(until_room), kLeastRetry);
  return std::unexpected(std::move(error));
}

double Admission::SecondsOf(double work) const { return run_work_ > 0 ? work * run_seconds_ / run_work_ : 0; }

// The work that is done before this request's, as far as turns between clients and between classes let it go first.
double Admission::WorkBefore(const Demand& demand) const {
  const Class& own = classes_[Index(demand.priority)];
  const auto mine = own.work_of.find(demand.client);
  const std::uint64_t of_client = mine == own.work_of.end() ? 0 : mine->second;
  const std::size_t clients = own.clients + (of_client == 0 ? 1 : 0);
  const double in_class = std::min(static_cast<double>(own.work), static_cast<double>(of_client * clients));
  double shares = kShares[Index(demand.priority)];
  for (const Class& other : classes_) {
    if (&other != &own && other.work > 0) shares += kShares[static_cast<std::size_t>(&other - classes_.data())];
  }
  return std::min(static_cast<double>(work_), in_class * shares / kShares[Index(demand.priority)]);
}

// From now: what is before it, then its own run; and whoever's turn is next waits for a run that is under way.
Duration Admission::PredictedFinish(const Demand& demand, std::uint64_t work) const {
  const double all = backlog_.PredictedWait(SecondsOf(static_cast<double>(work_)), workers_);
  const double before = backlog_.PredictedWait(SecondsOf(WorkBefore(demand)), workers_);
  const double wait = std::max(before, std::min(all, run_seconds_));
  return ToDuration(wait + std::max(run_seconds_, SecondsOf(static_cast<double>(work))));
}

void Admission::Measured(std::uint64_t work, Duration run) {
  const MutexLock lock(mu_);
  const double weight = run_seconds_ == 0 ? 1 : kSmoothing;
  run_seconds_ += weight * (Seconds(run) - run_seconds_);
  run_work_ += weight * (static_cast<double>(std::max<std::uint64_t>(work, 1)) - run_work_);
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

void Admission::AddWork(Class& to, std::uint64_t client, std::uint64_t work) {
  to.work += work;
  if (to.work_of.size() > kClients) std::erase_if(to.work_of, [](const auto& one) { return one.second == 0; });
  std::uint64_t& of_client = to.work_of[client];
  if (of_client == 0 && work > 0) ++to.clients;
  of_client += work;
}

void Admission::RemoveWork(Class& from, std::uint64_t client, std::uint64_t work) {
  from.work -= work;
  std::uint64_t& of_client = from.work_of[client];
  of_client -= work;
  if (of_client == 0 && work > 0) --from.clients;
}

void Admission::Release(const Permit::Held& held, bool ended) {
  const bool learn = ended && held.deadline != TimePoint();
  const bool late = learn && clock_.Now() >= held.deadline;
  const MutexLock lock(mu_);
  if (learn) lateness_.Observe(late);
  jobs_ -= held.parts;
  counted_ -= held.jobs;
  bytes_ -= held.bytes;
  work_ -= held.counted_work;
  Class& own = classes_[Index(held.priority)];
  own.counted -= held.jobs;
  own.bytes -= held.bytes;
  RemoveWork(own, held.client, held.counted_work);
  Show(-static_cast<double>(held.parts));
  // Under the lock: a waiter may destroy this object as soon as it sees zero.
  if (jobs_ == 0) idle_.NotifyAll();
}

}  // namespace weir
