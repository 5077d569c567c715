// What a Hugging Face model folder says about itself.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/pooling.h"

namespace weir {

// Read from config.json, modules.json and 1_Pooling/config.json, each optional.
struct TextFolder {
  std::size_t max_tokens = 512;     // max_position_embeddings
  std::vector<std::string> labels;  // id2label, by id; empty when there is none
  Pooling pooling = Pooling::kMean;
  bool normalize = true;  // false only when modules.json lists no Normalize module
};

// Blocks while the files are read. The error names the file and the entry that cannot be used.
Result<TextFolder> ReadTextFolder(const std::filesystem::path& folder);

}  // namespace weir
