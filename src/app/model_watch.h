// Notices that something happens in the models folders.
#pragma once

#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace weir::app {

// Has `look` called on a thread of its own once nothing has happened in these folders, and in those one and two below
// them, for `settle`; again after `settle` while it returns true (something has not come to rest yet). The kernel tells
// what happens (inotify); where it cannot, `look` is called every `settle`. Owned by the Application.
class ModelWatch {
 public:
  ModelWatch(std::vector<std::filesystem::path> folders, Duration settle, std::function<bool()> look);
  ~ModelWatch();
  ModelWatch(const ModelWatch&) = delete;
  ModelWatch& operator=(const ModelWatch&) = delete;

 private:
  void Loop(const std::stop_token& stop);
  bool WatchAll();
  // False on a time-out; `wait` below zero: without end. Drains what the kernel has told.
  bool Happens(Duration wait) const;

  const std::vector<std::filesystem::path> folders_;
  const Duration settle_;
  const std::function<bool()> look_;
  int events_ = -1;  // inotify; -1: there is none
  int wake_ = -1;    // eventfd: ends the wait at the stop
  std::jthread thread_;
};

}  // namespace weir::app
