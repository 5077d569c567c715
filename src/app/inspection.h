// Everything that is known of a model folder once it was loaded and has run.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "app/model_reference.h"
#include "base/result.h"
#include "engine/servable.h"
#include "model/onnx_files.h"
#include "text/text_model.h"

namespace weir::app {

// Value type.
struct Inspection {
  std::string name;
  std::string folder;
  OnnxChoice graph;
  std::vector<std::pair<std::string, std::uint64_t>> files;  // that are read, with their sizes
  std::uint64_t resident = 0;  // bytes that loading and one run added to this process; 0: not known here
  std::shared_ptr<const Servable> servable;
  std::shared_ptr<const TextModel> text;  // the same, null for a tensor model
};

// Loads the model and proves it, as the server does. Blocks. The error is the one that the server would show.
Result<Inspection> InspectModel(const ModelSource& source);

}  // namespace weir::app
