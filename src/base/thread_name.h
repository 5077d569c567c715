// What the system knows of a thread: its name, as top, perf and gdb show it, and how willingly it yields.
#pragma once

#include <pthread.h>
#include <sys/resource.h>

#include <string>

namespace weir {

// Names the calling thread; cut to the 15 characters that Linux keeps.
inline void SetThreadName(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

// Lets threads with a lower value go first, from 0 to 19: on Linux this is of the thread alone (setpriority(2), "C
// library differences").
inline void SetThreadNice(int nice) { setpriority(PRIO_PROCESS, 0, nice); }

}  // namespace weir
