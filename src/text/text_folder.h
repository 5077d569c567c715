// What a Hugging Face model folder says about itself.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "text/model_config.h"
#include "text/sentence_modules.h"

namespace weir {

// Read from the JSON files of the folder, each optional. docs/text-models.md lists what of them is used.
struct TextFolder {
  ModelConfig config;
  TokenizerConfig tokenizer;
  SentenceModules modules;
  Prompts prompts;
  std::size_t max_tokens = 512;  // of a text, special tokens included: the least that any of the files says
  std::string max_tokens_from = "the default, because no file says more";
};

// Blocks while the files are read. The error names the file and the entry that cannot be used.
Result<TextFolder> ReadTextFolder(const std::filesystem::path& folder);

}  // namespace weir
