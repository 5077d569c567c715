#include "dataset/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "dataset/checkpoint.h"

namespace weir::dataset {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBuffer = std::size_t{256} << 10;

}  // namespace

Result<std::unique_ptr<Output>> Output::Open(const OutputOptions& options, const Format& format,
                                             const RunIdentity& identity) {
  std::unique_ptr<Output> output(new Output(options.path, format));
  output->identity_ = identity;
  std::error_code ignored;
  Status opened;
  if (options.path.empty()) {
    output->file_ = STDOUT_FILENO;
  } else if (options.resume && fs::exists(output->checkpoint_path(), ignored)) {
    opened = output->Continue(identity);
    if (opened && output->bytes_ == 0) opened = output->Write(format.Head(0));
    if (!opened) return Forward(opened);
    return output;
  } else {
    opened = output->Create(options);
  }
  if (!opened) return Forward(opened);
  struct stat about{};
  const bool regular = fstat(output->file_, &about) == 0 && S_ISREG(about.st_mode);
  output->keeps_checkpoints_ = regular && !options.path.empty();
  if (format.rows_in_head() && !regular) {
    return InvalidArgument("the number of rows is written at the end: this format needs a file, --output FILE");
  }
  // The checkpoint first: a cut at any later moment can be gone on with.
  Status begun = output->Checkpoint({});
  if (begun) begun = output->Write(format.Head(0));
  if (!begun) return Forward(begun);
  return output;
}

Output::~Output() {
  if (file_ >= 0 && file_ != STDOUT_FILENO) close(file_);
}

std::unexpected<Error> Output::Failed(const std::string& what) const {
  const std::string name = path_.empty() ? "standard output" : path_.string();
  return Fail(Code::kUnavailable, fmt::format("{} cannot be {}: {}", name, what, std::strerror(errno)));
}

Status Output::Create(const OutputOptions& options) {
  struct stat about{};
  const bool there = stat(path_.c_str(), &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0;
  if (there && options.resume) {
    return Fail(Code::kConflict,
                fmt::format("there is nothing to go on with: {} is complete, or it was not begun here ({} is missing)",
                            path_.string(), checkpoint_path().string()));
  }
  if (there && !options.replace) {
    return Fail(Code::kConflict,
                fmt::format("{} is there already: --resume goes on with it, --force replaces it", path_.string()));
  }
  file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0 && errno != ENOENT && errno != EISDIR) file_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC);  // a pipe
  if (file_ < 0)
    return Fail(Code::kNotFound, fmt::format("{} cannot be written: {}", path_.string(), std::strerror(errno)));
  if (flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return Fail(Code::kConflict, fmt::format("another process writes to {}", path_.string()));
  }
  if (there && ftruncate(file_, 0) != 0) return Failed("emptied");
  return {};
}

Status Output::Continue(const RunIdentity& identity) {
  Result<dataset::Checkpoint> found = ReadCheckpoint(checkpoint_path());
  if (!found) return Forward(found);
  if (const Status same = SameRun(found->identity, identity); !same) {
    return Fail(Code::kConflict, fmt::format("{} cannot be gone on with: {}; --force begins again", path_.string(),
                                             same.error().message));
  }
  file_ = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  if (file_ < 0) return Failed("written");
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    return Fail(Code::kConflict, fmt::format("another process writes to {}", path_.string()));
  }
  struct stat about{};
  if (fstat(file_, &about) != 0 || static_cast<std::uint64_t>(about.st_size) < found->bytes) {
    return Fail(Code::kConflict, fmt::format("{} is shorter than it was; --force begins again", path_.string()));
  }
  const auto bytes = static_cast<off_t>(found->bytes);
  if (ftruncate(file_, bytes) != 0 || lseek(file_, bytes, SEEK_SET) != bytes) return Failed("gone on with");
  bytes_ = found->bytes;
  begun_ = found->progress;
  keeps_checkpoints_ = true;
  return {};
}

Status Output::Write(std::string_view bytes) {
  buffer_ += bytes;
  return buffer_.size() < kBuffer ? Status() : Flush();
}

Status Output::Flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t count = write(file_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed("written");
    rest.remove_prefix(static_cast<std::size_t>(count));
    bytes_ += static_cast<std::uint64_t>(count);
  }
  buffer_.clear();
  return {};
}

Status Output::Checkpoint(const Progress& progress) {
  if (Status flushed = Flush(); !flushed) return flushed;
  if (!keeps_checkpoints_) return {};
  if (fdatasync(file_) != 0) return Failed("written");
  return WriteCheckpoint(checkpoint_path(), {identity_, progress, bytes_});
}

Status Output::Finish(const Progress& progress) {
  if (Status flushed = Flush(); !flushed) return flushed;
  if (format_.rows_in_head()) {
    const std::string head = format_.Head(progress.records);
    if (pwrite(file_, head.data(), head.size(), 0) != static_cast<ssize_t>(head.size())) return Failed("written");
  }
  if (!keeps_checkpoints_) return {};
  if (fdatasync(file_) != 0) return Failed("written");
  std::error_code ignored;
  fs::remove(checkpoint_path(), ignored);
  return {};
}

}  // namespace weir::dataset
