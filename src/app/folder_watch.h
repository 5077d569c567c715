// Notices that something happens in folders.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace weir::app {

// What is watched. Value type.
struct Watched {
  std::string what;  // for the log: "models"
  std::vector<std::filesystem::path> folders;
  int depth = 0;  // how many levels below them belong to it
  Duration settle{};
  bool poll = false;  // look every `settle`, for file systems of which the kernel does not tell
};

// Has `look` called on a thread of its own once nothing has happened in the folders for `settle`, or after some of
// those when they do not come to rest at all (other models must not wait for a file that is written for ever); again
// after `settle` while it returns true (something has not come to rest yet). The kernel tells what happens (inotify);
// where it cannot, `look` is called every `settle`. Owned by the Application.
class FolderWatch {
 public:
  FolderWatch(Watched watched, std::function<bool()> look);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

 private:
  void Loop(const std::stop_token& stop);
  bool WatchAll();
  // False on a time-out; `wait` below zero: without end. Drains what the kernel has told.
  bool Happens(Duration wait) const;

  const Watched watched_;
  const std::function<bool()> look_;
  int events_ = -1;  // inotify; -1: there is none
  int wake_ = -1;    // eventfd: ends the wait at the stop
  std::jthread thread_;
};

}  // namespace weir::app
