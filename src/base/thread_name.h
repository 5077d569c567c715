// Names for threads, as top, perf and gdb show them.
#pragma once

#include <pthread.h>

#include <string>

namespace weir {

// Names the calling thread; cut to the 15 characters that Linux keeps.
inline void SetThreadName(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

}  // namespace weir
