// One process at a time fetches one file.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <utility>

#include "base/result.h"

namespace weir::hub {

// flock(2) on a file of the cache's .locks folder: the lock that the hub's own tools take. Given back when
// destroyed, or when the process ends. Confined to one thread.
class FileLock {
 public:
  // Blocks until it is held; calls `waiting` once if another holds it now. kCancelled on a stop request; kInternal
  // names the file when it cannot be opened.
  static Result<FileLock> Take(const std::filesystem::path& file, const std::function<void()>& waiting,
                               std::stop_token stop);

  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace weir::hub
