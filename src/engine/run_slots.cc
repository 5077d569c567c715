#include "engine/run_slots.h"

#include <algorithm>
#include <utility>

namespace weir {
namespace {

// A model keeps its slot until it is so much ahead of the one that used least: passing a slot on leaves its core idle
// for a moment (0.8 ms measured on two cores of a virtual machine, where the scheduler may wake the next thread on the
// other core). Who comes to an idle line has as much credit, and so need not wait for that.
constexpr Duration kAhead = std::chrono::milliseconds(20);

}  // namespace

RunSlots::Share::Share(RunSlots& slots) : slots_(slots) {}

RunSlots::Share::~Share() { SetBacklog(0); }

void RunSlots::CountUsed(Share& share) {
  share.used_ += Duration(share.uncounted_.exchange(0, std::memory_order_relaxed));
}

void RunSlots::Activate(Share& share) {
  if (share.active_++ > 0) return;
  // Who was away has saved nothing up: otherwise its first burst would shut out the others.
  CountUsed(share);
  for (Share* other : active_) CountUsed(*other);
  const auto least = std::ranges::min_element(active_, {}, [](const Share* other) { return other->used_; });
  if (least != active_.end()) share.used_ = std::max(share.used_, (*least)->used_ - kAhead);
  active_.push_back(&share);
}

void RunSlots::Deactivate(Share& share) {
  CountUsed(share);
  if (--share.active_ == 0) std::erase(active_, &share);
}

std::list<RunSlots::Waiter*>::iterator RunSlots::NextWaiter() {
  for (const Waiter* waiter : waiters_) CountUsed(*waiter->share);
  return std::ranges::min_element(waiters_, {}, [](const Waiter* waiter) { return waiter->share->used_; });
}

bool RunSlots::Share::Acquire(const std::stop_token& stop) {
  std::optional<std::stop_source> measurement;
  const auto acquire = [&] {
    const MutexLock lock(slots_.mu_);
    measurement = std::exchange(slots_.measurement_, {});
    if (measurement) return false;
    return slots_.AcquireNow(*this);
  };
  if (acquire()) return true;
  if (measurement) measurement->request_stop();
  const MutexLock lock(slots_.mu_);
  if (slots_.AcquireNow(*this)) return true;
  slots_.Activate(*this);
  Waiter waiter{.share = this};
  slots_.waiters_.push_back(&waiter);
  slots_.waiting_.store(slots_.waiters_.size(), std::memory_order_relaxed);
  waiter.granted_changed.Wait(slots_.mu_, stop, [&waiter] { return waiter.granted; });
  if (waiter.granted) return true;
  slots_.waiters_.remove(&waiter);
  slots_.waiting_.store(slots_.waiters_.size(), std::memory_order_relaxed);
  slots_.Deactivate(*this);
  return false;
}

bool RunSlots::AcquireNow(Share& share) {
  if (free_ == 0 || !waiters_.empty()) return false;
  Activate(share);
  --free_;
  return true;
}

bool RunSlots::Share::AcquireToMeasure(const std::stop_source& measurement) {
  const MutexLock lock(slots_.mu_);
  if (slots_.free_ != slots_.slots_ || !slots_.AcquireNow(*this)) return false;
  slots_.measurement_ = measurement;
  return true;
}

void RunSlots::GiveBack(Share& share) {
  Deactivate(share);
  const auto next = NextWaiter();
  if (next == waiters_.end()) {
    ++free_;
    return;
  }
  Waiter& waiter = **next;
  waiters_.erase(next);
  waiting_.store(waiters_.size(), std::memory_order_relaxed);
  waiter.granted = true;
  waiter.granted_changed.NotifyOne();  // under the lock: the waiter lives on its thread's stack
}

bool RunSlots::Share::KeepAfter(Duration used) {
  uncounted_.fetch_add(used.count(), std::memory_order_relaxed);
  if (slots_.waiting_.load(std::memory_order_relaxed) == 0) return true;  // who comes now is seen after the next run
  const MutexLock lock(slots_.mu_);
  CountUsed(*this);
  const auto next = slots_.NextWaiter();
  if (next == slots_.waiters_.end() || (*next)->share == this || (*next)->share->used_ + kAhead > used_) return true;
  slots_.GiveBack(*this);
  return false;
}

void RunSlots::Share::Release() {
  const MutexLock lock(slots_.mu_);
  slots_.measurement_.reset();  // when it was one, it has ended; nobody measures beside a run
  slots_.GiveBack(*this);
}

bool RunSlots::idle() const {
  const MutexLock lock(mu_);
  return free_ == slots_ && waiters_.empty();
}

void RunSlots::Share::SetBacklog(double seconds) {
  const auto now = static_cast<std::int64_t>(std::min(seconds, 1e6) * 1e9);
  const std::int64_t was = backlog_ns_.exchange(now, std::memory_order_relaxed);
  if (was == now) return;
  slots_.backlog_ns_.fetch_add(now - was, std::memory_order_relaxed);
  if (was == 0) slots_.with_backlog_.fetch_add(1, std::memory_order_relaxed);
  if (now == 0) slots_.with_backlog_.fetch_sub(1, std::memory_order_relaxed);
}

double RunSlots::Share::PredictedWait(double own, std::size_t workers) const {
  const auto lanes = static_cast<double>(std::min(workers, slots_.slots_));
  const auto all_lanes = static_cast<double>(slots_.slots_);
  const std::int64_t mine = backlog_ns_.load(std::memory_order_relaxed);
  const double others = static_cast<double>(slots_.backlog_ns_.load(std::memory_order_relaxed) - mine) * 1e-9;
  const std::size_t models = slots_.with_backlog_.load(std::memory_order_relaxed) + (mine == 0 ? 1 : 0);
  // All of the others' work may go first, but not more than their turns: while this model has work, each model has
  // one slot in `models`.
  const double shared = std::min(own + std::max(others, 0.0), own * static_cast<double>(models)) / all_lanes;
  return std::max(own / lanes, shared);
}

}  // namespace weir
