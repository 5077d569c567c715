// Waiting between two tries.
#pragma once

#include <chrono>
#include <stop_token>

namespace weir::hub {

// Blocks for that long; false when a stop request ended it early.
bool Pause(std::chrono::milliseconds duration, std::stop_token stop);

// The pause before the next try when `failures` tries in a row have brought nothing: `first`, doubled each time, at
// most 30 s; never less than what the server asked for, of which at most 5 minutes are believed. Pure.
std::chrono::milliseconds PauseAfter(int failures, std::chrono::milliseconds first, std::chrono::milliseconds asked);

}  // namespace weir::hub
