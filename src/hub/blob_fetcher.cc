#include "hub/blob_fetcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "hub/checksum.h"
#include "hub/file_lock.h"
#include "hub/pause.h"

namespace weir::hub {
namespace {

namespace fs = std::filesystem;

// The file that grows. Confined to one thread.
class PartialFile {
 public:
  PartialFile(fs::path path, std::uint64_t size) : path_(std::move(path)), size_(size) {}
  ~PartialFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  Status Open() {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) return Cannot("opened");
    const off_t end = ::lseek(descriptor_, 0, SEEK_END);
    if (end < 0) return Cannot("read");
    there_ = static_cast<std::uint64_t>(end);
    // Longer than the whole file: it is of something else.
    return there_ > size_ ? Clear() : Status();
  }

  Status Clear() {
    if (::ftruncate(descriptor_, 0) != 0 || ::lseek(descriptor_, 0, SEEK_SET) != 0) return Cannot("written");
    there_ = 0;
    return {};
  }

  Status Write(std::string_view bytes) {
    if (bytes.size() > size_ - there_) {
      return Fail(Code::kUnavailable, fmt::format("more comes than the {} bytes that were announced", size_));
    }
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Cannot("written");
      bytes.remove_prefix(static_cast<std::size_t>(written));
      there_ += static_cast<std::uint64_t>(written);
    }
    return {};
  }

  Status Sync() { return ::fsync(descriptor_) == 0 ? Status() : Cannot("written"); }

  std::uint64_t there() const { return there_; }
  bool whole() const { return there_ == size_; }
  const fs::path& path() const { return path_; }

 private:
  std::unexpected<Error> Cannot(std::string_view what) const {
    // Not one of the network's codes: trying again would not help.
    return Fail(Code::kInternal, fmt::format("{} cannot be {}: {}", path_.string(), what, std::strerror(errno)));
  }

  const fs::path path_;
  const std::uint64_t size_;
  int descriptor_ = -1;
  std::uint64_t there_ = 0;
};

// A 206 must go on where the file ends; a 200 is the whole file again.
Status Accept(const HttpReply& head, PartialFile& file) {
  if (head.status != 206) return file.there() > 0 ? file.Clear() : Status();
  const std::string wanted = fmt::format("bytes {}-", file.there());
  if (head.Header("content-range").starts_with(wanted)) return {};
  return Fail(Code::kUnavailable, "another range came than was asked for");
}

// One request. The file keeps what came, whatever the outcome.
Status FetchOnce(HubClient& client, const std::string& commit, const FileInfo& info, PartialFile& file,
                 const BytesListener& on_bytes) {
  bool accepted = false;
  const auto take = [&](const HttpReply& head, std::string_view piece) -> Status {
    if (!accepted) {
      if (Status fits = Accept(head, file); !fits) return fits;
      accepted = true;
    }
    if (Status written = file.Write(piece); !written) return written;
    on_bytes(file.there(), piece.size());
    return {};
  };
  Status fetched = client.Fetch(commit, info.file, file.there(), take);
  if (fetched && !file.whole()) {
    return Fail(Code::kUnavailable, fmt::format("{}: it ends after {} of the {} bytes that were announced", info.file,
                                                file.there(), info.size));
  }
  return fetched;
}

// Until the file is whole, with pauses; tries that bring something do not count.
Status FetchWhole(BlobFetcher& fetcher, const std::string& commit, const FileInfo& info, PartialFile& file,
                  const BytesListener& on_bytes) {
  int failures = 0;
  while (!file.whole()) {
    const std::uint64_t before = file.there();
    Status fetched = FetchOnce(fetcher.client, commit, info, file, on_bytes);
    if (fetched) continue;
    if (!HubClient::IsPassing(fetched.error())) return fetched;
    failures = file.there() > before ? 1 : failures + 1;
    if (failures >= fetcher.options.tries) return fetched;
    const auto pause = PauseAfter(failures, fetcher.options.first_pause, fetched.error().retry_after);
    fetcher.notice(fmt::format("{}; going on at {} of {} bytes in {} s", fetched.error().message, file.there(),
                               info.size, pause.count() / 1000.0));
    if (!Pause(pause, fetcher.stop)) return Fail(Code::kCancelled, "stopped");
  }
  return {};
}

bool IsThere(const fs::path& blob, std::uint64_t size) {
  std::error_code error;
  return fs::is_regular_file(blob, error) && fs::file_size(blob, error) == size && !error;
}

Status MoveIntoPlace(PartialFile& file, const fs::path& blob) {
  if (Status synced = file.Sync(); !synced) return synced;
  std::error_code error;
  fs::rename(file.path(), blob, error);
  if (error) return Fail(Code::kInternal, fmt::format("{} cannot be written: {}", blob.string(), error.message()));
  return {};
}

}  // namespace

Status BlobFetcher::Fetch(const std::string& commit, const FileInfo& info, const BytesListener& on_bytes) {
  const auto waiting = [&] { notice(fmt::format("{}: another process is fetching it; waiting", info.file)); };
  Result<FileLock> lock = FileLock::Take(cache.Lock(info.etag), waiting, stop);
  if (!lock) return Forward(lock);
  const fs::path blob = cache.Blob(info.etag);
  if (IsThere(blob, info.size)) {
    on_bytes(info.size, 0);
    return {};
  }
  PartialFile file(cache.Incomplete(info.etag), info.size);
  if (Status opened = file.Open(); !opened) return opened;
  on_bytes(file.there(), 0);
  for (bool again = false;; again = true) {
    if (Status whole = FetchWhole(*this, commit, info, file, on_bytes); !whole) return whole;
    Status good = CheckContent(file.path(), info.etag, stop);
    if (good) return MoveIntoPlace(file, blob);
    if (good.error().code == Code::kCancelled) return good;
    const std::string what = fmt::format("{}: {}", info.file, good.error().message);
    if (Status cleared = file.Clear(); !cleared) return cleared;
    if (again) return Fail(Code::kInternal, what);
    notice(what + "; fetching it anew");
  }
}

}  // namespace weir::hub
