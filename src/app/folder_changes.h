// What has changed in the models folders since somebody last looked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace weir::app {

// Sizes, times and identities of all files in a model folder, as one number; 0 for a folder that is not there. A copy
// that is still being written changes it. Folders of versions in it have numbers of their own. Blocks on the disk.
std::uint64_t FolderSignature(const std::filesystem::path& folder);

struct FolderChanges {
  std::vector<std::string> added;
  std::vector<std::string> changed;
  std::vector<std::string> removed;

  bool empty() const { return added.empty() && changed.empty() && removed.empty(); }
};

// Tells a change once it has come to rest: when two looks after each other have seen the same. Confined to one thread.
class FolderWatchlist {
 public:
  // A model folder that is served by now.
  void Know(const std::string& name, const std::filesystem::path& folder);
  // `present`: name -> folder, of what is there now. `pending` becomes true when something has changed that has not
  // come to rest.
  FolderChanges Look(const std::map<std::string, std::filesystem::path>& present, bool& pending);
  // Whether it has been told, or is known, and is there.
  bool Knows(const std::string& name) const;

 private:
  struct Seen {
    std::uint64_t served = 0;  // signature of what was told last
    std::uint64_t last = 0;    // of the last look
  };
  std::map<std::string, Seen> seen_;
};

}  // namespace weir::app
