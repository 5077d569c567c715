// How many files and sockets the program may have open.
#pragma once

#include <sys/resource.h>

namespace weir::cli {

// Each connection takes a descriptor, and the usual soft limit of 1024 is a relic.
inline void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace weir::cli
