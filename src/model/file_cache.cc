#include "model/file_cache.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace weir {

Result<FileIdentity> FileIdentity::Of(const std::filesystem::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) {
    return Fail(Code::kNotFound, fmt::format("{}: {}", file.string(), std::strerror(errno)));
  }
  if (!S_ISREG(info.st_mode)) {
    return Fail(Code::kNotFound, fmt::format("{}: not a regular file", file.string()));
  }
  return FileIdentity{.device = info.st_dev,
                      .inode = info.st_ino,
                      .size = static_cast<std::uint64_t>(info.st_size),
                      .modified_ns = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec};
}

}  // namespace weir
