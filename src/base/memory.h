// What the process holds of the memory, and what the C library keeps of what was given back to it.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace weir {

// Gives freed memory back to the system. Reading a model leaves tens of megabytes in the allocator, or does not, as
// chance has it. Takes milliseconds: for after a load, not for a request.
inline void ReturnFreedMemory() {
#if defined(__GLIBC__) && !defined(WEIR_SANITIZED)  // a sanitizer brings its own allocator
  ::malloc_trim(0);
#endif
}

// Bytes of the process that are in memory, those of mapped files too; 0 where the system does not tell.
inline std::uint64_t ResidentMemory() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  if (!(statm >> pages >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace weir
