#include "app/folder_changes.h"

#include <sys/stat.h>

#include <functional>

#include "app/profile_store.h"
#include "engine/model_version.h"
#include "model/onnx_files.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

void Mix(std::uint64_t& sum, std::uint64_t value) {
  sum ^= value + 0x9e3779b97f4a7c15ULL + (sum << 6) + (sum >> 2);  // source: boost::hash_combine
}

}  // namespace

std::uint64_t FolderSignature(const fs::path& folder) {
  const Result<std::vector<std::string>> files = ListModelFiles(folder);
  if (!files) return 0;
  std::uint64_t sum = 1;
  for (const std::string& file : *files) {
    if (file.find(kProfileFile) != file.npos) continue;  // Weir's own
    const std::size_t slash = file.find('/');
    if (slash != file.npos && ParseVersion(std::string_view(file).substr(0, slash))) continue;
    struct stat info{};
    if (::stat((folder / file).c_str(), &info) != 0) continue;
    Mix(sum, std::hash<std::string>()(file));
    Mix(sum, static_cast<std::uint64_t>(info.st_size));
    Mix(sum, static_cast<std::uint64_t>(info.st_mtim.tv_sec) * 1'000'000'000 +
                 static_cast<std::uint64_t>(info.st_mtim.tv_nsec));
    Mix(sum, info.st_ino);
  }
  return sum == 0 ? 1 : sum;
}

void FolderWatchlist::Know(const std::string& name, const fs::path& folder) {
  const std::uint64_t now = FolderSignature(folder);
  seen_[name] = {now, now};
}

FolderChanges FolderWatchlist::Look(const std::map<std::string, fs::path>& present, bool& pending) {
  FolderChanges changes;
  pending = false;
  std::map<std::string, std::uint64_t> now;
  for (const auto& [name, folder] : present) now[name] = FolderSignature(folder);
  for (const auto& [name, seen] : seen_) now.try_emplace(name, 0);
  for (const auto& [name, signature] : now) {
    Seen& seen = seen_[name];
    const bool at_rest = seen.last == signature;
    seen.last = signature;
    if (seen.served == signature) continue;
    if (!at_rest) {
      pending = true;
      continue;
    }
    (signature == 0 ? changes.removed : seen.served == 0 ? changes.added : changes.changed).push_back(name);
    seen.served = signature;
  }
  std::erase_if(seen_, [](const auto& one) { return one.second.served == 0 && one.second.last == 0; });
  return changes;
}

bool FolderWatchlist::Knows(const std::string& name) const {
  const auto found = seen_.find(name);
  return found != seen_.end() && found->second.served != 0;
}

}  // namespace weir::app
