// One object per file, however many paths lead to it.
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>

#include "base/mutex.h"
#include "base/result.h"

namespace weir {

// The identity of a file's content as far as the file system tells: links to it are the same, a replaced
// or rewritten file is another. Value type.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;

  auto operator<=>(const FileIdentity&) const = default;
  // kNotFound when the file cannot be looked at.
  static Result<FileIdentity> Of(const std::filesystem::path& file);
};

// Shares what was made of a file between all who ask while somebody still holds it. Thread-safe. Two
// callers that ask for the same file at once: the second waits for the first (the lock is per file).
template <typename T>
class FileCache {
 public:
  using Make = std::function<Result<std::shared_ptr<const T>>(const std::filesystem::path&)>;

  // Blocks while `make` runs, unless the object is there already.
  Result<std::shared_ptr<const T>> Get(const std::filesystem::path& file, const Make& make) {
    Result<FileIdentity> identity = FileIdentity::Of(file);
    if (!identity) return Forward(identity);
    const std::shared_ptr<Slot> slot = SlotFor(*identity);
    const MutexLock lock(slot->mu);
    if (std::shared_ptr<const T> alive = slot->object.lock()) return alive;
    Result<std::shared_ptr<const T>> made = make(file);
    if (made) slot->object = *made;
    return made;
  }

 private:
  struct Slot {
    Mutex mu;
    std::weak_ptr<const T> object GUARDED_BY(mu);
  };

  std::shared_ptr<Slot> SlotFor(const FileIdentity& identity) {
    const MutexLock lock(mu_);
    // A slot nobody else holds belongs to a file whose object may be gone: drop it unless it is alive.
    std::erase_if(slots_, [&](const auto& entry) {
      if (entry.second.use_count() > 1 || entry.first == identity) return false;
      const MutexLock slot_lock(entry.second->mu);
      return entry.second->object.expired();
    });
    std::shared_ptr<Slot>& slot = slots_[identity];
    if (!slot) slot = std::make_shared<Slot>();
    return slot;
  }

  Mutex mu_;
  std::map<FileIdentity, std::shared_ptr<Slot>> slots_ GUARDED_BY(mu_);
};

}  // namespace weir
