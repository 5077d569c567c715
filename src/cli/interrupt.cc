#include "cli/interrupt.h"

#include <pthread.h>
#include <unistd.h>

namespace weir::cli {
namespace {

constexpr int kShell = 128;  // what shells add to a signal's number

}  // namespace

Interrupt::Interrupt() {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&signals_, signal);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  waiter_ = std::thread([this] { Wait(); });
}

Interrupt::~Interrupt() {
  pthread_kill(waiter_.native_handle(), SIGUSR1);
  waiter_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Interrupt::Wait() {
  while (true) {
    int signal = 0;
    if (sigwait(&signals_, &signal) != 0) continue;
    if (signal == SIGUSR1) return;
    if (signal_.exchange(signal) != 0) _exit(kShell + signal);
    stop_.request_stop();
  }
}

}  // namespace weir::cli
