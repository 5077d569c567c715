#include "hub/cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "hub/names.h"

namespace weir::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 100'000;

std::string FolderName(std::string repository) {
  if (const std::size_t slash = repository.find('/'); slash != repository.npos) repository.replace(slash, 1, "--");
  return "models--" + repository;
}

std::unexpected<Error> CannotWrite(const fs::path& place, const std::error_code& error) {
  const Code code = error == std::errc::no_space_on_device ? Code::kResourceExhausted : Code::kInternal;
  return Fail(code, fmt::format("{} cannot be written: {}", place.string(), error.message()));
}

Status MakeFolder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return CannotWrite(folder, error);
  return {};
}

// A name beside `file` that no other process uses.
fs::path Beside(const fs::path& file) {
  return file.parent_path() / fmt::format(".{}.{}.weir", file.filename().string(), ::getpid());
}

Status MoveTo(const fs::path& fresh, const fs::path& place) {
  std::error_code error;
  fs::rename(fresh, place, error);
  if (!error) return {};
  std::error_code ignored;
  fs::remove(fresh, ignored);
  return CannotWrite(place, error);
}

}  // namespace

RepositoryCache::RepositoryCache(const fs::path& cache, const std::string& repository)
    : folder_(fs::absolute(cache) / FolderName(repository)),
      locks_(fs::absolute(cache) / ".locks" / FolderName(repository)) {}

Status RepositoryCache::MakeFolders() const {
  for (const fs::path& folder : {folder_ / "blobs", folder_ / "refs", folder_ / "snapshots", locks_}) {
    if (Status made = MakeFolder(folder); !made) return made;
  }
  return {};
}

std::optional<std::string> RepositoryCache::CommitOf(const std::string& revision) const {
  if (IsCommit(revision)) return revision;
  std::ifstream file(folder_ / "refs" / revision);
  std::string commit;
  file >> commit;
  if (!IsCommit(commit)) return std::nullopt;
  return commit;
}

Status RepositoryCache::WriteRef(const std::string& revision, const std::string& commit) const {
  if (revision == commit || CommitOf(revision) == commit) return {};
  const fs::path place = folder_ / "refs" / revision;
  if (Status made = MakeFolder(place.parent_path()); !made) return made;
  const fs::path fresh = Beside(place);
  std::ofstream file(fresh, std::ios::binary);
  file << commit;
  file.close();
  if (!file) return CannotWrite(place, std::make_error_code(std::errc::io_error));
  return MoveTo(fresh, place);
}

bool RepositoryCache::Has(const std::string& commit, const std::string& file) const {
  std::error_code ignored;
  return fs::is_regular_file(Snapshot(commit) / file, ignored);
}

std::vector<std::string> RepositoryCache::Files(const std::string& commit) const {
  std::vector<std::string> files;
  std::error_code error;
  const fs::path root = Snapshot(commit);
  for (fs::recursive_directory_iterator entry(root, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored)) files.push_back(entry->path().lexically_relative(root).generic_string());
    if (files.size() == kMostFiles) break;
  }
  std::ranges::sort(files);
  return files;
}

Status RepositoryCache::Link(const std::string& commit, const std::string& file, const std::string& etag) const {
  const fs::path place = Snapshot(commit) / file;
  if (Status made = MakeFolder(place.parent_path()); !made) return made;
  const fs::path fresh = Beside(place);
  std::error_code error;
  fs::remove(fresh, error);
  fs::create_symlink(Blob(etag).lexically_relative(place.parent_path()), fresh, error);
  if (error) return CannotWrite(place, error);
  return MoveTo(fresh, place);
}

}  // namespace weir::hub
