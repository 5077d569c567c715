// The models folder as `weir models` keeps it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::app {

// What is known of a model folder without loading it. Value type.
struct StoredModel {
  std::string name;
  std::string kind;         // "embedding", "classification", "tensor"; "" when it has a problem
  std::string file;         // the graph that would be served
  std::uint64_t bytes = 0;  // of the graph and its external data
  std::string source;       // "hf:ORG/NAME@COMMIT", "link to PATH", "folder"
  std::string problem;      // why it cannot be served; "" when nothing is seen
};

// DIR/NAME is one model: a folder, a link to one, or a folder of links, which is how a choice of files is kept: what
// is not chosen is not there. Owned by a command; confined to one thread; blocks on the disk.
class ModelStore {
 public:
  explicit ModelStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path PathOf(const std::string& name) const { return folder_ / name; }

  // Sorted by name. kNotFound when the models folder cannot be read.
  Result<std::vector<StoredModel>> List() const;
  StoredModel Look(const std::string& name) const;

  // InvalidArgument for a bad name. kConflict when the name is taken by something that is not links to `source` (or,
  // for another commit, to the same repository in the hub's cache).
  Status MayPlace(const std::string& name, const std::filesystem::path& source) const;
  // Makes NAME a link to `source`.
  Status PlaceLink(const std::string& name, const std::filesystem::path& source) const;
  // Makes NAME a folder of links to these files (relative) of `source`. What was there before goes when the new one is
  // whole.
  Status PlaceFiles(const std::string& name, const std::filesystem::path& source,
                    std::span<const std::string> files) const;
  // Makes NAME a copy of these files.
  Status PlaceCopy(const std::string& name, const std::filesystem::path& source,
                   std::span<const std::string> files) const;

  // Removes NAME: a link, or a folder of links; a folder with files of its own only with `force`. What links lead to is
  // never touched. Returns what was removed, in words.
  Result<std::string> Remove(const std::string& name, bool force) const;

 private:
  Status Swap(const std::filesystem::path& fresh, const std::string& name) const;
  Status PlaceEach(const std::string& name, const std::filesystem::path& source, std::span<const std::string> files,
                   bool copy) const;

  const std::filesystem::path folder_;
};

}  // namespace weir::app
