// What sentence-transformers writes beside a model: modules, pooling, prompts.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/pooling.h"
#include "text/vector_steps.h"

namespace weir {

// modules.json with the configuration of each module. Value type.
struct SentenceModules {
  bool listed = false;                              // there is a modules.json
  std::vector<Pooling> pooling = {Pooling::kMean};  // several: one behind the other
  bool include_prompt = true;                       // whether a prompt's tokens are pooled
  std::size_t token_width = 0;                      // that the pooling was made for; 0: it does not say
  std::vector<VectorStep> steps;                    // after pooling, without a Normalize at the end
  bool normalize = true;                            // the last module is Normalize; true without a modules.json
  std::size_t max_tokens = 0;                       // sentence_bert_config.json; 0: it does not say
  bool lowercase = false;
};

// The error names the file, the module or the entry that cannot be used. Blocks while files are read.
Result<SentenceModules> ReadSentenceModules(const std::filesystem::path& folder);

// config_sentence_transformers.json. Value type.
struct Prompts {
  std::map<std::string, std::string> by_name;
  std::string default_name;  // empty: texts go as they are
};

Result<Prompts> ReadPrompts(const std::filesystem::path& folder);

}  // namespace weir
