// Model folders on disk: which there are, and what each one holds.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/folder_changes.h"
#include "app/model_reference.h"
#include "base/mutex.h"
#include "engine/servable.h"
#include "model/model.h"
#include "text/text_model.h"

namespace weir::app {

// What may stand in a URL and in a metric label without being escaped: letters, digits, '.', '_', '-'.
bool IsModelName(std::string_view name);

// The sub-folders of a models folder, sorted, but for those whose name starts with '.'. kNotFound when it is none.
Result<std::vector<std::string>> ModelNames(const std::filesystem::path& folder);

// Loads the graph that ChooseOnnxFile takes of a folder, as a text model when a tokenizer.json lies there, else as a
// tensor model. Owned by the composition root; `backend` outlives it. Thread-safe.
class ModelFolders final : public ServableLoader {
 public:
  explicit ModelFolders(Backend& backend) : backend_(backend), texts_(backend) {}

  // Takes every sub-folder whose name does not start with '.' as a model. kNotFound when `folder` is none,
  // kConflict when a name is there twice.
  Status AddAll(const std::filesystem::path& folder);
  // One model folder, under its own name unless the source gives one; returns the name. The same folder under the same
  // name once more is no conflict: it keeps the file that was asked for.
  Result<std::string> AddOne(ModelSource source);

  // Looks again at the folders that AddAll took: what is new is known from now on, what is gone no longer. Tells only
  // what has come to rest; `pending`: something has not. Blocks on the disk.
  FolderChanges Rescan(bool& pending);

  std::vector<std::string> Names() const;
  // The file of its graph; empty for an unknown name or a folder without one. Blocks on the disk.
  std::filesystem::path GraphOf(const std::string& name) const;
  Result<std::shared_ptr<const Servable>> Load(const std::string& name) override;

 private:
  Result<std::string> Add(ModelSource source) REQUIRES(mu_);
  ModelSource SourceOf(const std::string& name) const;

  Backend& backend_;
  TextModelLoader texts_;

  mutable Mutex mu_;
  std::map<std::string, ModelSource> sources_ GUARDED_BY(mu_);
  std::vector<std::filesystem::path> roots_ GUARDED_BY(mu_);  // that AddAll took
  FolderWatchlist watchlist_ GUARDED_BY(mu_);                 // of the folders in them
};

}  // namespace weir::app
