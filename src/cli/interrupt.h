// Ctrl-C as a stop request.
#pragma once

#include <signal.h>

#include <atomic>
#include <stop_token>
#include <thread>

namespace weir::cli {

// While it exists, SIGINT and SIGTERM request a stop; a second one ends the program at once. Made by main before
// any other thread, so that all of them are born with the signals blocked. Destruction unblocks them again.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  // Of the signal that came; 0 when none has.
  int signal() const { return signal_; }

 private:
  void Wait();

  sigset_t signals_{};
  sigset_t before_{};
  std::atomic<int> signal_ = 0;
  std::stop_source stop_;
  std::thread waiter_;
};

}  // namespace weir::cli
