// Which files of a repository Weir needs to serve it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/onnx_files.h"

namespace weir::app {

// What is taken of a folder or of a repository. Value type.
struct PullPlan {
  OnnxChoice graph;                // its `file` is empty when weights for the converter were asked for
  std::vector<std::string> files;  // the graph last: a folder that has it is whole
};

// The file name that asks for the weights that `tools/convert` turns into a graph.
inline constexpr const char* kSafetensors = "model.safetensors";

// The graph by ChooseOnnxFile and its external data; what config.json, the tokenizer and the pooling modules are made
// of, as far as it is there; the vocabulary alone only where there is no tokenizer.json. `wanted` names the graph, or
// is kSafetensors. Pure. The error goes on after a name ("has no model.onnx, ...").
Result<PullPlan> PlanPull(std::span<const std::string> files, const std::string& wanted);

}  // namespace weir::app
