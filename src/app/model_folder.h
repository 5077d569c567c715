// Model folders on disk: which there are, and what each one holds.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/servable.h"
#include "model/model.h"
#include "text/text_model.h"

namespace weir::app {

// Loads `FOLDER/NAME/model.onnx`, as a text model when a tokenizer.json lies beside it, else as a tensor
// model. Owned by the composition root; `backend` outlives it. Add first, then thread-safe.
class ModelFolders final : public ServableLoader {
 public:
  explicit ModelFolders(Backend& backend) : backend_(backend), texts_(backend) {}

  // Takes every sub-folder whose name does not start with '.' as a model. kNotFound when `folder` is none,
  // kConflict when a name is there twice.
  Status AddAll(const std::filesystem::path& folder);
  // One model folder under its own name; returns the name.
  Result<std::string> AddOne(const std::filesystem::path& model_folder);

  std::vector<std::string> Names() const;
  // The file of its graph; empty for an unknown name.
  std::filesystem::path GraphOf(const std::string& name) const;
  Result<std::shared_ptr<const Servable>> Load(const std::string& name) override;

 private:
  Backend& backend_;
  TextModelLoader texts_;
  std::map<std::string, std::filesystem::path> folders_;
};

}  // namespace weir::app
