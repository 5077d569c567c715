// A stack of its own for a strand, and going from one to the other.
#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <cstddef>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace weir::explore {

// A place to run on: memory for a stack and what the processor had in hand. The default one is the thread's own.
// Confined to one thread. AddressSanitizer is told of each change, else it takes it for an overflow.
class Stack {
 public:
  Stack() = default;
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  ~Stack() {
    if (memory_ != nullptr) ::munmap(memory_, kSize);
  }

  // Has `entry` called on this stack by the next GoTo; `entry` calls Arrived first and never returns.
  void Prepare(void (*entry)()) {
    if (memory_ == nullptr) {
      memory_ = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (memory_ == MAP_FAILED) throw std::bad_alloc();
    }
    ::getcontext(&context_);
    context_.uc_stack.ss_sp = memory_;
    context_.uc_stack.ss_size = kSize;
    context_.uc_link = nullptr;
    ::makecontext(&context_, entry, 0);
#if defined(__SANITIZE_ADDRESS__)
    fake_ = nullptr;
#endif
  }

  // Goes on there; returns when somebody goes back to `from`. `for_good`: nobody will.
  static void GoTo(Stack& from, Stack& to, bool for_good = false) {
    static_cast<void>(for_good);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(for_good ? nullptr : &from.fake_, to.memory_ != nullptr ? to.memory_ : to.bottom_,
                                   to.memory_ != nullptr ? kSize : to.size_);
    came_from = &from;
#endif
    ::swapcontext(&from.context_, &to.context_);
    from.Arrived();
  }

  void Arrived() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_, &came_from->bottom_, &came_from->size_);
#endif
  }

 private:
#if defined(__SANITIZE_ADDRESS__)
  static constexpr std::size_t kSize = 1 << 20;
#else
  static constexpr std::size_t kSize = 256 << 10;
#endif

  ucontext_t context_{};
  void* memory_ = nullptr;
#if defined(__SANITIZE_ADDRESS__)
  static inline Stack* came_from = nullptr;
  void* fake_ = nullptr;
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
#endif
};

}  // namespace weir::explore
