// What the C library keeps of memory that was given back to it.
#pragma once

#include <cstdlib>
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

}  // namespace weir
