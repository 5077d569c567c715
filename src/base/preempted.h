// Whether a thread has lost its core to another.
#pragma once

#include <sys/resource.h>

namespace weir {

// True when the calling thread has been taken off its core, without asking for it, since it last asked this, or since
// it began. One call of the kernel.
inline bool WasPreempted() {
  thread_local long seen = 0;
  rusage usage{};
  if (getrusage(RUSAGE_THREAD, &usage) != 0) return false;
  const bool was = usage.ru_nivcsw != seen;
  seen = usage.ru_nivcsw;
  return was;
}

}  // namespace weir
