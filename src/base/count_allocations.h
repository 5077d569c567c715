// For tests: counts what a thread allocates. To be included by one file of a test program, whose operator new this
// replaces.
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

void* operator new(std::size_t size) {
  ++weir::test::AllocationsOfThisThread();
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
