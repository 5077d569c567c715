#include "engine/run_slots.h"

#include <algorithm>

namespace weir {

RunSlots::Share::Share(RunSlots& slots) : slots_(slots) {}

RunSlots::Share::~Share() { SetBacklog(0); }

void RunSlots::CountUsed(Share& share) {
  share.used_ += Duration(share.uncounted_.exchange(0, std::memory_order_relaxed));
}

void RunSlots::Activate(Share& share) {
  CountUsed(share);
  // Who was away has saved nothing up: otherwise its first burst would shut out the others.
  if (share.active_++ == 0) share.used_ = std::max(share.used_, turn_);
}

bool RunSlots::Share::Acquire(const std::stop_token& stop) {
  const MutexLock lock(slots_.mu_);
  slots_.Activate(*this);
  if (slots_.free_ > 0 && slots_.waiters_.empty()) {
    --slots_.free_;
    slots_.turn_ = std::max(slots_.turn_, used_);
    return true;
  }
  Waiter waiter{.share = this};
  slots_.waiters_.push_back(&waiter);
  slots_.waiting_.store(slots_.waiters_.size(), std::memory_order_relaxed);
  waiter.granted_changed.Wait(slots_.mu_, stop, [&waiter] { return waiter.granted; });
  if (waiter.granted) return true;
  slots_.waiters_.remove(&waiter);
  slots_.waiting_.store(slots_.waiters_.size(), std::memory_order_relaxed);
  --active_;
  return false;
}

void RunSlots::GiveBack(Share& share) {
  CountUsed(share);
  --share.active_;
  for (const Waiter* waiter : waiters_) CountUsed(*waiter->share);
  const auto next = std::ranges::min_element(waiters_, {}, [](const Waiter* waiter) { return waiter->share->used_; });
  if (next == waiters_.end()) {
    ++free_;
    return;
  }
  Waiter& waiter = **next;
  waiters_.erase(next);
  waiting_.store(waiters_.size(), std::memory_order_relaxed);
  turn_ = std::max(turn_, waiter.share->used_);
  waiter.granted = true;
  waiter.granted_changed.NotifyOne();  // under the lock: the waiter lives on its thread's stack
}

bool RunSlots::Share::KeepAfter(Duration used) {
  uncounted_.fetch_add(used.count(), std::memory_order_relaxed);
  if (slots_.waiting_.load(std::memory_order_relaxed) == 0) return true;  // who comes now is seen after the next run
  const MutexLock lock(slots_.mu_);
  const bool others =
      std::ranges::any_of(slots_.waiters_, [this](const Waiter* waiter) { return waiter->share != this; });
  if (!others) return true;
  slots_.GiveBack(*this);
  return false;
}

void RunSlots::Share::Release() {
  const MutexLock lock(slots_.mu_);
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
