// For tests: counts what a thread allocates. To be included by one file of a test program, whose operator new this
// replaces; under a sanitizer, which has its own, it hooks into that.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace weir::test {

inline std::size_t& AllocationsOfThisThread() {
  thread_local std::size_t count = 0;
  return count;
}

}  // namespace weir::test

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)

extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, std::size_t),
                                                         void (*on_free)(const volatile void*));

inline const int kAllocationHooks = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { ++weir::test::AllocationsOfThisThread(); }, [](const volatile void*) {});

#else

void* operator new(std::size_t size) {
  ++weir::test::AllocationsOfThisThread();
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

#endif
