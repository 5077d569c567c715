// Takes the place of src/base/thread.h: a thread whose turns the scheduler chooses.
#pragma once

#include <functional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "explore/scheduler.h"

namespace weir {
inline namespace explored {

// As std::jthread, as far as the engine uses it.
class Thread {
 public:
  template <typename Body>
  explicit Thread(Body body) {
    if constexpr (std::is_invocable_v<Body, std::stop_token>) {
      strand_ = explore::Scheduler::Get().Spawn([body = std::move(body), stop = stop_.get_token()] { body(stop); });
    } else {
      strand_ = explore::Scheduler::Get().Spawn(std::move(body));
    }
  }
  Thread(Thread&& other) noexcept : stop_(std::move(other.stop_)), strand_(std::exchange(other.strand_, nullptr)) {}
  Thread& operator=(Thread&&) = delete;
  ~Thread() {
    if (strand_ == nullptr) return;
    stop_.request_stop();
    explore::Scheduler::Get().Join(strand_);
  }

  void request_stop() { stop_.request_stop(); }

 private:
  std::stop_source stop_;
  explore::Strand* strand_ = nullptr;
};

}  // namespace explored
}  // namespace weir
