// The model that a command runs without a server.
#pragma once

#include <string>

#include "app/core.h"

namespace CLI {
class App;
}

namespace weir::cli {

struct ModelFlags {
  std::string model;  // a folder, the name of one under `models`, or hf:ORG/NAME
  std::string models = "models";
  std::string file;  // the graph to take; empty: by the order of choice
};

// Adds MODEL, --models and --file; `flags` outlives the command.
void AddModelFlags(CLI::App& command, ModelFlags& flags);

// Makes the model known to the core, fetched first where it is on the hub; its name there. Ends the command when there
// is no such model.
std::string AddModel(app::Core& core, const ModelFlags& flags);

}  // namespace weir::cli
