// The commands of `weir models`, one file each.
#pragma once

#include <memory>
#include <string>

#include "app/model_store.h"

namespace CLI {
class App;
}

namespace weir::cli {

// What all of them share. Lives as long as the command line.
struct ModelsFlags {
  std::string folder = "models";

  app::ModelStore Store() const { return app::ModelStore(folder); }
};

// Each adds one command to `models`.
void AddModelsAdd(CLI::App& models, std::shared_ptr<const ModelsFlags> shared);
void AddModelsPull(CLI::App& models, std::shared_ptr<const ModelsFlags> shared);
void AddModelsList(CLI::App& models, std::shared_ptr<const ModelsFlags> shared);
void AddModelsInspect(CLI::App& models, std::shared_ptr<const ModelsFlags> shared);
void AddModelsProfile(CLI::App& models, std::shared_ptr<const ModelsFlags> shared);
void AddModelsRemove(CLI::App& models, std::shared_ptr<const ModelsFlags> shared);
// Has no use for the folder.
void AddModelsConvert(CLI::App& models);

// The calls that a running server answers.
void AddModelsLife(CLI::App& models);

}  // namespace weir::cli
