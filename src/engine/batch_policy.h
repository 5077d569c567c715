// Which of the waiting jobs run together, and when: a pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "engine/cost_model.h"

namespace weir {

// By measured cost; or, to compare with: all that fits, in order of arrival; or one by one.
enum class BatchMode { kCost, kAlways, kNever };

struct BatchLimits {
  BatchMode mode = BatchMode::kCost;
  std::size_t max_jobs = 32;
  // Most tokens in a batch, padding included: bounds the memory of a run.
  std::size_t max_padded_length = 4096;
  // A job that so many later ones were run before is passed by no more.
  std::uint32_t max_overtaken = 24;
  // How long a job may wait for company, when waiting pays at the present arrival rate. Zero: what gathered while
  // the workers were busy is what there is to choose from.
  Duration max_delay{};
};

// A queued job as the policy sees it.
struct WaitingJob {
  std::uint32_t length = 1;  // tokens (or 1): what a shorter job in the same batch is padded to
  std::uint32_t overtaken = 0;
  std::uint64_t group = 0;  // jobs of different groups never run together; 0 = runs alone
  TimePoint queued_at{};
  TimePoint deadline = TimePoint::max();
};

// The front of the queue: `jobs` in the order of their turns, not empty.
struct QueueView {
  std::span<const WaitingJob> jobs;
  std::size_t running = 0;                 // jobs that other workers run now
  std::size_t workers = 1;                 // that may run such jobs at once
  Duration arrival_gap = Duration::max();  // mean time between two arrivals
  bool closed = false;                     // nobody will join any more
};

// Run the jobs at these places of the view, in this order; or, when there are none, look again at `wait_until` or when
// a job arrives.
struct BatchDecision {
  std::vector<std::uint32_t> chosen;
  TimePoint wait_until{};
};

// The first job of the view is always in the batch, so nobody starves. Its company are the jobs with which the work
// done for each second is most: those of nearly its length, where `costs` says that sharing a run pays, leaving the
// other workers their share. Nobody passes a job that was overtaken too often, or that would be late if it
// were passed. Pure.
// `decision` is an out parameter so that its memory is used again.
void DecideBatch(const BatchLimits& limits, const CostModel& costs, const QueueView& view, TimePoint now,
                 BatchDecision& decision);

}  // namespace weir
