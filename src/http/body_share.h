// What one connection holds of the bytes that all may hold together.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <utility>

namespace weir::http {

// Of bodies that come, and of answers that wait for their clients. Owned by a connection, confined to its thread.
class BodyShare {
 public:
  // `all`, which outlives it, is what the connections hold together; `most` is what they may.
  BodyShare(std::atomic<std::size_t>& all, std::size_t most) : all_(all), most_(most) {}
  ~BodyShare() { Release(); }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;

  // Holds so many bytes, or more that it has already. False when that is more than there is room for; they count all
  // the same.
  bool Hold(std::size_t bytes) {
    if (bytes <= held_) return true;
    const std::size_t more = bytes - std::exchange(held_, bytes);
    return all_.fetch_add(more) + more <= most_;
  }
  void Release() {
    if (held_ > 0) all_.fetch_sub(std::exchange(held_, 0));
  }

 private:
  std::atomic<std::size_t>& all_;
  const std::size_t most_;
  std::size_t held_ = 0;
};

}  // namespace weir::http
