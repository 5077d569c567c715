// What the process holds of the memory, and what the C library keeps of what was given back to it.
#pragma once

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <span>
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

// Takes the program's code, and its libraries', out of the process's memory; what runs on comes back page by page out
// of the file cache, at 0.1 to 0.5 us a page. For when the start is over: most of what ran until then never runs again.
// Takes less than a millisecond. Any thread may go on running meanwhile.
inline void ReturnCodeOfTheStart() {
  const auto unmap = [](dl_phdr_info* object, std::size_t, void*) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (const ElfW(Phdr) & part : std::span(object->dlpi_phdr, object->dlpi_phnum)) {
      // Never what is written to, relocations among it.
      if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0 || (part.p_flags & PF_W) != 0) continue;
      const std::uintptr_t begin = (object->dlpi_addr + part.p_vaddr) / page * page;
      const std::uintptr_t end = (object->dlpi_addr + part.p_vaddr + part.p_memsz + page - 1) / page * page;
      ::madvise(reinterpret_cast<void*>(begin), end - begin,
                MADV_DONTNEED);  // NOLINT: an address out of the loader's table
    }
    return 0;
  };
  ::dl_iterate_phdr(unmap, nullptr);
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
