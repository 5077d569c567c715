#include "hub/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "hub/pause.h"

namespace weir::hub {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{100};

// Whether `file` still is what is open there: whoever held the lock may have removed it.
bool IsStill(const std::filesystem::path& file, int descriptor) {
  struct stat opened{};
  struct stat named{};
  return ::fstat(descriptor, &opened) == 0 && ::stat(file.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

}  // namespace

Result<FileLock> FileLock::Take(const std::filesystem::path& file, const std::function<void()>& waiting,
                                std::stop_token stop) {
  bool told = false;
  while (true) {
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664);
    if (descriptor < 0) {
      return Fail(Code::kInternal,
                  fmt::format("the lock {} cannot be opened: {}", file.string(), std::strerror(errno)));
    }
    FileLock lock(descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
      if (IsStill(file, descriptor)) return lock;
      continue;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return Fail(Code::kInternal, fmt::format("{} cannot be locked: {}", file.string(), std::strerror(errno)));
    }
    if (!std::exchange(told, true)) waiting();
    if (!Pause(kBetweenLooks, stop)) return Fail(Code::kCancelled, "stopped");
  }
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace weir::hub
