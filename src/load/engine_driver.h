// Drives a model in this process.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

#include "base/clock.h"
#include "base/result.h"
#include "load/pacer.h"

namespace weir::load {

// Starts the work of one request. It must not block, and calls `done` exactly once, on any thread, by the deadline or
// soon after.
using Done = std::move_only_function<void(Outcome)>;
using Work = std::function<void(std::uint64_t number, Deadline deadline, std::stop_token stop, Done done)>;

// Starts what `pacer` says and tells it what came of it. Blocks until the pacer has finished; or, once `stop` is
// requested, until what is under way has been cancelled.
void DriveWork(const Work& work, const Clock& clock, Pacer& pacer, std::stop_token stop);

// For `done`: success, or the error's code by name.
Outcome OutcomeOf(const Error& error);

}  // namespace weir::load
