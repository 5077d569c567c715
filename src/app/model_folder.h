// Model folders on disk: which there are, and what each one holds.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/folder_changes.h"
#include "app/model_reference.h"
#include "base/mutex.h"
#include "engine/model_version.h"
#include "engine/servable.h"
#include "model/model.h"
#include "model/onnx_files.h"
#include "text/text_model.h"

namespace weir::app {

// What may stand in a URL and in a metric label without being escaped: letters, digits, '.', '_', '-'.
bool IsModelName(std::string_view name);

// The sub-folders of a models folder, sorted, but for those whose name starts with '.'. kNotFound when it is none.
Result<std::vector<std::string>> ModelNames(const std::filesystem::path& folder);

// The versions in a model folder, the newest first: its sub-folders whose names are positive numbers; {0} when a graph
// lies in the folder itself, or there is no such sub-folder. Blocks on the disk.
std::vector<VersionNumber> VersionsIn(const std::filesystem::path& folder);
// The folder of the newest version, or `folder` itself. Blocks on the disk.
std::filesystem::path NewestIn(const std::filesystem::path& folder);
// Where the files beside a version's graph lie: in its folder when that has a tokenizer.json, or the model's has none.
// Blocks on the disk.
std::filesystem::path RestOf(const std::filesystem::path& folder, const std::filesystem::path& version);

// What has changed in the models folders. Value type.
struct ModelChanges {
  std::vector<std::string> added;
  std::vector<std::string> changed;  // other versions, or other files
  std::vector<std::string> removed;
  std::vector<std::string> renewed;  // "minilm", "minilm/3": what of `changed` has other files than before
};

// What of a candle model's own manifest, and of the machine, its forecasts may use. Value type.
struct ForecastLimits {
  std::size_t rows = 32;          // samples of forecasts under way, of one model
  std::uint64_t cache_bytes = 0;  // of their keys and values; 0: what the rows need
  std::size_t runs = 1;           // at once, of one model: the rows are shared among them
  std::int64_t max_context = 0;   // below the model's own; 0: that
  double clip = 0;                // instead of the model's own; 0: that
};

// Loads the graph that ChooseOnnxFile takes of a folder, as a text model when a tokenizer.json lies there, else as a
// tensor model. In a folder with versions each of them has its graph; everything else lies with it, or in the model's
// folder for all of them. Owned by the composition root; `backend` outlives it. Thread-safe.
class ModelFolders final : public ServableLoader {
 public:
  // `device_of`: what is asked for each model: "auto", "cpu", "cuda:0"; null: the CPU.
  using DeviceOf = std::function<std::string(std::string_view name)>;
  explicit ModelFolders(Backend& backend, DeviceOf device_of = {}, const ForecastLimits& forecast = {})
      : backend_(backend), texts_(backend), device_of_(std::move(device_of)), forecast_(forecast) {}

  // Takes every sub-folder whose name does not start with '.' as a model. kNotFound when `folder` is none,
  // kConflict when a name is there twice.
  Status AddAll(const std::filesystem::path& folder);
  // One model folder, under its own name unless the source gives one; returns the name. The same folder under the same
  // name once more is no conflict: it keeps the file that was asked for.
  Result<std::string> AddOne(ModelSource source);

  // Looks again at the folders that AddAll took: what is new is known from now on, what is gone no longer. Tells only
  // what has come to rest; `pending`: something has not. Blocks on the disk.
  ModelChanges Rescan(bool& pending);

  // The same for one model, as it lies there now: who asks for it says that it is whole. False when there is no such
  // folder. Blocks on the disk.
  bool LookAt(const std::string& name);

  std::vector<std::string> Names() const;
  // The newest first; {0}: its folder has none. Empty for an unknown name.
  std::vector<VersionNumber> VersionsOf(const std::string& name) const;
  // `reference`: a model ("minilm", of which the newest version is meant) or one version of it ("minilm/3").
  // The file of its graph; empty for an unknown name or a folder without one. Blocks on the disk.
  std::filesystem::path GraphOf(const std::string& reference) const;
  Result<LoadPlan> Plan(const std::string& reference) override;
  Result<std::string> ChooseDevice(const std::string& reference) override;
  Result<std::shared_ptr<const Servable>> Load(const std::string& reference) override {
    return LoadOn(reference, kCpu);
  }
  Result<std::shared_ptr<const Servable>> LoadOn(const std::string& reference, const std::string& device) override;

 private:
  struct Known {
    ModelSource source;
    std::vector<VersionNumber> versions;  // the newest first
  };
  // Where a version lies: its graph in `graphs`, everything else in `rest`.
  struct Place {
    std::filesystem::path graphs;
    std::filesystem::path rest;
    std::string file;  // the graph that was asked for
  };
  // What is in it.
  struct Contents {
    Place place;
    std::vector<std::string> files;  // in `graphs`
    OnnxChoice graph;
    bool text = false;
    bool candles = false;
  };
  Result<Contents> Look(const std::string& reference) const;
  Result<std::string> Add(ModelSource source) REQUIRES(mu_);
  Result<Place> PlaceOf(const std::string& reference) const;
  void Watch(const std::string& name, const std::filesystem::path& folder) REQUIRES(mu_);
  void Take(const std::string& name, const std::filesystem::path& folder, const FolderChanges& found,
            ModelChanges& changes) REQUIRES(mu_);

  Backend& backend_;
  TextModelLoader texts_;
  const DeviceOf device_of_;
  const ForecastLimits forecast_;

  mutable Mutex mu_;
  std::map<std::string, Known> sources_ GUARDED_BY(mu_);
  std::vector<std::filesystem::path> roots_ GUARDED_BY(mu_);  // that AddAll took
  FolderWatchlist watchlist_ GUARDED_BY(mu_);                 // of the folders in them
};

}  // namespace weir::app
