// The cache folder of the hub's own tools, so that what one has fetched the other need not.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::hub {

// One repository in the cache:
//
//   CACHE/models--ORG--NAME/blobs/ETAG               the contents; ETAG.incomplete while it is being fetched
//   CACHE/models--ORG--NAME/refs/REVISION            the commit that a branch or tag was at
//   CACHE/models--ORG--NAME/snapshots/COMMIT/FILE    links to the blobs
//   CACHE/.locks/models--ORG--NAME/ETAG.lock
//
// Names must have been checked (hub/names.h). Thread-compatible; blocks on the disk.
class RepositoryCache {
 public:
  RepositoryCache(const std::filesystem::path& cache, const std::string& repository);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path Blob(const std::string& etag) const { return folder_ / "blobs" / etag; }
  std::filesystem::path Incomplete(const std::string& etag) const { return folder_ / "blobs" / (etag + ".incomplete"); }
  std::filesystem::path Lock(const std::string& etag) const { return locks_ / (etag + ".lock"); }
  std::filesystem::path Snapshot(const std::string& commit) const { return folder_ / "snapshots" / commit; }

  // Makes the folders that files are put into. The error names the one that cannot be made.
  Status MakeFolders() const;

  // The commit that a revision was at when last seen; a commit is its own. nullopt when it is not known.
  std::optional<std::string> CommitOf(const std::string& revision) const;
  Status WriteRef(const std::string& revision, const std::string& commit) const;

  // Whether the snapshot has this file, whole.
  bool Has(const std::string& commit, const std::string& file) const;
  // The files that the snapshot has, relative, sorted; empty when there is no such snapshot.
  std::vector<std::string> Files(const std::string& commit) const;
  // Makes snapshots/COMMIT/FILE lead to the blob, at once, whatever was there before.
  Status Link(const std::string& commit, const std::string& file, const std::string& etag) const;

 private:
  std::filesystem::path folder_;
  std::filesystem::path locks_;
};

}  // namespace weir::hub
