// Measured costs of models, kept in files.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "engine/cost_store.h"

namespace weir::app {

class ModelFolders;

inline constexpr const char* kProfileFile = "weir-profile.json";

// Keeps a model's costs beside it, as FOLDER/weir-profile.json; where that cannot be written (or the folder is a link,
// or lies in the hub's cache, which others share), under $XDG_CACHE_HOME/weir/profiles. A file that was measured on
// another machine, with another ONNX Runtime or for other weights does not count. Owned by the composition root.
// Thread-safe; blocks.
class ProfileStore final : public CostStore {
 public:
  // `folders` outlives it. `machine` is what else a measurement depends on.
  ProfileStore(const ModelFolders& folders, std::string machine);

  std::optional<CostTable> Find(const std::string& model) override;
  void Keep(const std::string& model, const CostTable& table) override;

  // Where Find would look for it; empty when there is nothing.
  std::filesystem::path FileOf(const std::string& model) const;

  // This machine: its processor, its cores, the ONNX Runtime.
  static std::string ThisMachine();

 private:
  const ModelFolders& folders_;
  const std::string machine_;
};

}  // namespace weir::app
