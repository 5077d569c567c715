// Bytes of a file, a pipe or a terminal, read with patience that a stop request ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "base/result.h"

namespace weir::dataset {

// Owned by its reader, confined to its thread. Destruction closes the file (standard input stays open).
class ByteSource {
 public:
  // `path` "-" is standard input. Regular files, pipes and character devices; no folders. The error names the path.
  static Result<std::unique_ptr<ByteSource>> Open(const std::string& path);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  // At least one byte; 0 at the end, or on a stop request. Blocks; calls `before_waiting` first when nothing
  // is there yet.
  Result<std::size_t> Read(std::span<char> block, const std::stop_token& stop,
                           const std::function<void()>& before_waiting);

  // Bytes in it; 0 when that is not known beforehand.
  std::uint64_t size() const { return size_; }

 private:
  ByteSource(std::string path, int file, int wake) : path_(std::move(path)), file_(file), wake_(wake) {}

  const std::string path_;
  const int file_;
  const int wake_;  // an eventfd that a stop request makes readable
  std::uint64_t size_ = 0;
};

}  // namespace weir::dataset
