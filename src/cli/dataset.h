// Files of texts on the command line: what `weir predict` and `weir embed` share.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/model_argument.h"

namespace CLI {
class App;
}

namespace weir::cli {

struct DatasetFlags {
  std::string output;
  std::string format;        // empty: from the output's name
  std::string input_format;  // empty: from the input's name
  std::string field = "text";
  std::string column = "text";
  std::string on_error = "record";
  bool no_header = false;
  bool resume = false;
  bool force = false;
};

// Adds --output, --format and the others; `flags` outlives the command.
void AddDatasetFlags(CLI::App& command, DatasetFlags& flags);

struct DatasetTask {
  ModelFlags model;
  std::vector<std::string> inputs;  // files; "-" is standard input
  std::size_t top_k = 0;
  bool truncate = false;
  bool vectors_only = false;  // refuse a model that gives labels
};

// Answers every text of the inputs, in order. Blocks. Ends the command with 3 when some could not be answered, with
// 128 + the signal's number when it was interrupted.
void RunDataset(const DatasetTask& task, const DatasetFlags& flags);

}  // namespace weir::cli
