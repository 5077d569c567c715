#include "engine/run_threads.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/thread_name.h"

namespace weir {
namespace {

// A thread stays with its model until that is so much ahead of another: going from one to the next costs the caches.
// Who comes to an idle line has as much credit.
constexpr Duration kAhead = std::chrono::milliseconds(5);

}  // namespace

RunThreads::Share::Share(RunThreads& threads, RunSource& source, std::size_t workers)
    : threads_(threads), source_(source), workers_(workers) {
  const MutexLock lock(threads_.mu_);
  threads_.shares_.push_back(this);
  threads_.models_.store(threads_.shares_.size());
}

RunThreads::Share::~Share() {
  leaving_.store(true);
  const MutexLock lock(threads_.mu_);
  std::erase(threads_.shares_, this);
  threads_.models_.store(threads_.shares_.size());
  threads_.left_.Wait(threads_.mu_, [this] { return running_ == 0; });
}

void RunThreads::Share::SetWorkers(std::size_t workers) {
  {
    const MutexLock lock(threads_.mu_);
    workers_ = workers;
  }
  threads_.woken_.NotifyAll();
}

// No wake-up is lost: a thread counts itself asleep before it looks, and the source says "ready" before this looks.
void RunThreads::Share::Wake() {
  if (threads_.asleep_.load() == 0) return;
  {
    const MutexLock lock(threads_.mu_);
    if (running_ >= workers_) return;  // who runs it looks when its run has ended
  }
  threads_.woken_.NotifyOne();
}

RunThreads::RunThreads(std::size_t count, const Clock& clock, int nice) : count_(count), nice_(nice), clock_(clock) {
  for (std::size_t i = 0; i < count; ++i) {
    threads_.emplace_back([this, i](const std::stop_token& stop) { Loop(stop, i); });
  }
}

RunThreads::~RunThreads() {
  for (Thread& thread : threads_) thread.request_stop();
  threads_.clear();
}

void RunThreads::Loop(const std::stop_token& stop, std::size_t number) {
  SetThreadName(fmt::format("run-{}", number));
  if (nice_ > 0) SetThreadNice(nice_);
  while (Share* share = Next(stop)) {
    TimePoint start = clock_.Now();
    for (;;) {
      share->source_.RunOne();
      const TimePoint end = clock_.Now();
      if (!GoesOn(*share, end - start, stop)) break;
      start = end;
    }
  }
}

RunThreads::Share* RunThreads::Next(const std::stop_token& stop) {
  Share* next = nullptr;
  std::optional<std::stop_source> measurement;
  {
    const MutexLock lock(mu_);
    ++asleep_;
    TimePoint look_again;
    const auto found = [&]() REQUIRES(mu_) {
      next = stop.stop_requested() ? nullptr : Pick(clock_.Now(), look_again);
      return next != nullptr;
    };
    while (!found() && !stop.stop_requested()) {
      const TimePoint until = look_again;
      const auto nearer = [&]() REQUIRES(mu_) { return found() || look_again < until; };
      if (until == TimePoint::max()) {
        woken_.Wait(mu_, stop, nearer);
      } else {
        woken_.WaitUntil(mu_, stop, until, nearer);
      }
      if (next != nullptr) break;
    }
    --asleep_;
    if (next == nullptr) return nullptr;
    ++next->running_;
    ++running_;
    turn_ = std::max(turn_, UsedBy(*next));
    next->used_ = UsedBy(*next);
    measurement = measurement_;
  }
  if (measurement) measurement->request_stop();
  return next;
}

Duration RunThreads::UsedBy(const Share& share) const { return std::max(share.used_, turn_ - kAhead); }

RunThreads::Share* RunThreads::Pick(TimePoint now, TimePoint& look_again) {
  Share* best = nullptr;
  look_again = TimePoint::max();
  for (Share* share : shares_) {
    if (share->running_ >= share->workers_) continue;
    const TimePoint ready = share->source_.ReadyAt();
    if (ready > now) {
      look_again = std::min(look_again, ready);
    } else if (best == nullptr || UsedBy(*share) < UsedBy(*best)) {
      best = share;
    }
  }
  return best;
}

bool RunThreads::GoesOn(Share& share, Duration used, const std::stop_token& stop) {
  const bool may = !share.leaving_.load() && !stop.stop_requested() && share.source_.ReadyAt() <= clock_.Now();
  if (may && models_.load(std::memory_order_relaxed) == 1) return true;
  const MutexLock lock(mu_);
  share.used_ += used;
  TimePoint ignored;
  --share.running_;
  if (may) {
    const Share* next = Pick(clock_.Now(), ignored);
    if (next == nullptr || next == &share || UsedBy(*next) + kAhead >= share.used_) {
      turn_ = std::max(turn_, UsedBy(share));
      ++share.running_;
      return true;
    }
  }
  --running_;
  if (share.leaving_.load()) left_.NotifyAll();
  return false;
}

bool RunThreads::TryMeasure(const std::stop_source& measurement) {
  const MutexLock lock(mu_);
  TimePoint ignored;
  if (running_ > 0 || measurement_ || Pick(clock_.Now(), ignored) != nullptr) return false;
  measurement_ = measurement;
  return true;
}

void RunThreads::EndMeasuring() {
  const MutexLock lock(mu_);
  measurement_.reset();
}

}  // namespace weir
