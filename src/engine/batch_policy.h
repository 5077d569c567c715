// Which of the waiting jobs run together, and when: a pure function.
#pragma once

#include <cstddef>
#include <span>

#include "base/clock.h"
#include "engine/job.h"

namespace weir {

struct BatchLimits {
  std::size_t max_jobs = 32;
  // Most tokens in a batch, padding included. Measured for MiniLM on a CPU: batches of up to some hundred
  // tokens gain up to 48 % over single runs, longer ones lose.
  std::size_t max_padded_length = 256;
  // Most of a batch that may be padding. Padding is paid for like text.
  double max_padding = 0.1;
  // How long a lone job may wait for company. Zero: what gathered while the worker was busy is the batch.
  Duration max_delay{};
};

// The front of the queue as the policy sees it: `costs` in order of arrival, not empty.
struct QueueView {
  std::span<const JobCost> costs;
  TimePoint oldest;     // when the first one was queued
  bool closed = false;  // nobody will join any more
};

// Run the first `count` jobs now, or (count 0) look again at `wait_until` or when a job arrives.
struct BatchDecision {
  std::size_t count = 0;
  TimePoint wait_until{};
};

// Takes the longest run of jobs from the front, at least one, that share a group and stay within the
// limits. Order is kept: nobody is overtaken. Pure.
BatchDecision DecideBatch(const BatchLimits& limits, const QueueView& view, TimePoint now);

}  // namespace weir
