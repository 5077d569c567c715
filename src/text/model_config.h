// What config.json and tokenizer_config.json of a model folder say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace weir {

// What a classifier's raw values become.
enum class Activation { kNone, kSoftmax, kSigmoid };

std::string_view ActivationName(Activation activation);  // "softmax"

struct ActivationChoice {
  Activation kind = Activation::kNone;
  std::string why;  // "problem_type is regression"
};

// config.json. Value type.
struct ModelConfig {
  std::string model_type;    // "bert"
  std::string architecture;  // "BertForSequenceClassification": the first of `architectures`
  // Texts that the model takes in tokens: max_position_embeddings, less what the family keeps for padding.
  std::size_t positions = 0;  // 0: it does not say
  std::size_t first_position = 0;
  std::size_t vocabulary = 0;       // 0: it does not say
  std::size_t type_vocabulary = 0;  // 0: it does not say
  std::size_t pad_token = 0;
  std::vector<std::string> labels;  // id2label by id, else LABEL_0 … when num_labels says how many
  std::string problem_type;
  std::string head_function;  // a cross-encoder's own activation, by its class in torch; empty when it names none

  bool classifies() const { return architecture.ends_with("ForSequenceClassification"); }
};

// The defaults when there is no such file. The error names the file and the entry. Blocks while it is read.
Result<ModelConfig> ReadModelConfig(const std::filesystem::path& file);

// As transformers' text-classification pipeline chooses: regression has none, several labels at once or a single one
// a sigmoid, else softmax. A cross-encoder (one label) may name its own. kUnprocessable when that is not served.
Result<ActivationChoice> ChooseActivation(const ModelConfig& config, std::size_t labels);

// tokenizer_config.json. Value type.
struct TokenizerConfig {
  std::size_t max_tokens = 0;  // model_max_length; 0: it does not say, or says something astronomical
  Side truncation_side = Side::kRight;
  std::optional<bool> type_ids;  // whether model_input_names lists token_type_ids
};

Result<TokenizerConfig> ReadTokenizerConfig(const std::filesystem::path& file);

}  // namespace weir
