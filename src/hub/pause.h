// Waiting between two tries.
#pragma once

#include <chrono>

#include "base/pause.h"

namespace weir::hub {

// The pause before the next try when `failures` tries in a row have brought nothing: `first`, doubled each time, at
// most 30 s; never less than what the server asked for, of which at most 5 minutes are believed. Pure.
std::chrono::milliseconds PauseAfter(int failures, std::chrono::milliseconds first, std::chrono::milliseconds asked);

}  // namespace weir::hub
