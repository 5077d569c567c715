#include "engine/backlog.h"

#include <algorithm>

namespace weir {

void Backlog::Share::Set(double seconds) {
  const auto now = static_cast<std::int64_t>(std::min(seconds, 1e6) * 1e9);
  const std::int64_t was = ns_.exchange(now, std::memory_order_relaxed);
  if (was == now) return;
  all_.ns_.fetch_add(now - was, std::memory_order_relaxed);
  if (was == 0) all_.models_.fetch_add(1, std::memory_order_relaxed);
  if (now == 0) all_.models_.fetch_sub(1, std::memory_order_relaxed);
}

double Backlog::Share::PredictedWait(double own, std::size_t workers) const {
  const auto lanes = static_cast<double>(std::min(workers, all_.slots_));
  const auto all_lanes = static_cast<double>(all_.slots_);
  const std::int64_t mine = ns_.load(std::memory_order_relaxed);
  const double others = static_cast<double>(all_.ns_.load(std::memory_order_relaxed) - mine) * 1e-9;
  const std::size_t models = all_.models_.load(std::memory_order_relaxed) + (mine == 0 ? 1 : 0);
  // All of the others' work may go first, but not more than their turns: while this model has work, each model has
  // one slot in `models`.
  const double shared = std::min(own + std::max(others, 0.0), own * static_cast<double>(models)) / all_lanes;
  return std::max(own / lanes, shared);
}

}  // namespace weir
