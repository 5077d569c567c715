// The model that a command runs without a server.
#pragma once

#include <string>

#include "app/core.h"

namespace CLI {
class App;
}

namespace weir::cli {

struct ModelFlags {
  std::string model;  // a folder, or the name of one under `models`
  std::string models = "models";
};

// Adds MODEL and --models; `flags` outlives the command.
void AddModelFlags(CLI::App& command, ModelFlags& flags);

// Makes the model known to the core; its name there. Ends the command when there is no such model.
std::string AddModel(app::Core& core, const ModelFlags& flags);

}  // namespace weir::cli
