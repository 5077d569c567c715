// What a person calls a model: a folder, the name of one, or one on the hub.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "hub/pull.h"

namespace weir::app {

// A model folder to serve, its name, and the graph that was asked for ("" leaves the choice). Value type.
struct ModelSource {
  std::filesystem::path folder;
  std::string name = {};
  std::string file = {};
};

// A model in the hub's cache, with the files that Weir needs of it. Value type.
struct HubModel {
  hub::Snapshot snapshot;
  std::string graph;  // empty when weights for the converter were asked for
  std::string why;    // it was chosen
  bool lossy = false;
};

// Fetches what Weir needs of a model on the hub, settings from the environment. `file` names the graph, or nothing.
// Blocks. The errors are hub::Pull's and PlanPull's.
Result<HubModel> FetchModel(const hub::Reference& reference, const std::string& file, hub::Listener& listener,
                            std::stop_token stop);

// Finds the model that `text` names: "hf:ORG/NAME[@REVISION]" (fetched when it is not in the cache), the path of a
// folder, or the name of one under one of `models`. `file` names the graph, or nothing. Blocks. kNotFound with the
// nearest name; InvalidArgument for a folder of model folders.
Result<ModelSource> FindModel(const std::string& text, const std::string& file,
                              const std::vector<std::filesystem::path>& models, hub::Listener& listener,
                              std::stop_token stop);

}  // namespace weir::app
