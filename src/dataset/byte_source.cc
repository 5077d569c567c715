#include "dataset/byte_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace weir::dataset {

Result<std::unique_ptr<ByteSource>> ByteSource::Open(const std::string& path) {
  const int file = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Fail(Code::kNotFound, fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
  std::unique_ptr<ByteSource> source(new ByteSource(path, file, eventfd(0, EFD_CLOEXEC)));
  struct stat about{};
  if (fstat(file, &about) != 0 || S_ISDIR(about.st_mode)) {
    return Fail(Code::kNotFound, fmt::format("{} cannot be read: it is no file", path));
  }
  if (S_ISREG(about.st_mode)) source->size_ = static_cast<std::uint64_t>(about.st_size);
  if (source->wake_ < 0) return Fail(Code::kInternal, fmt::format("no more open files: {}", std::strerror(errno)));
  return source;
}

ByteSource::~ByteSource() {
  if (file_ != STDIN_FILENO) close(file_);
  if (wake_ >= 0) close(wake_);
}

Result<std::size_t> ByteSource::Read(std::span<char> block, const std::stop_token& stop,
                                     const std::function<void()>& before_waiting) {
  const std::stop_callback wake(stop, [this] { eventfd_write(wake_, 1); });
  std::array<pollfd, 2> watched = {{{file_, POLLIN, 0}, {wake_, POLLIN, 0}}};
  if (poll(watched.data(), watched.size(), 0) == 0) {
    before_waiting();
    while (poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
    }
  }
  if (stop.stop_requested()) return 0;
  ssize_t count = read(file_, block.data(), block.size());
  while (count < 0 && errno == EINTR) count = read(file_, block.data(), block.size());
  if (count < 0) return Fail(Code::kUnavailable, fmt::format("{} cannot be read: {}", path_, std::strerror(errno)));
  return static_cast<std::size_t>(count);
}

}  // namespace weir::dataset
