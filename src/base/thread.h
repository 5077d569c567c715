// A thread of the program.
#pragma once

#include <thread>

namespace weir {

// By a name of our own, so that tests/explore can have the same code run on threads whose turns it chooses.
using Thread = std::jthread;

}  // namespace weir
