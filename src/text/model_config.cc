#include "text/model_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "folder/json_file.h"

namespace weir {
namespace {

constexpr std::size_t kMostPositions = 1'000'000;
constexpr std::size_t kMostTokens = 100'000'000;  // of a vocabulary
constexpr std::size_t kMostLabels = 1'000'000;

// Families that number the first token pad_token_id + 1 and keep the positions up to there.
constexpr std::array<std::string_view, 13> kPositionsAfterPadding = {
    "roberta", "xlm-roberta",          "xlm-roberta-xl", "camembert", "mpnet", "longformer", "data2vec-text",
    "ibert",   "roberta-prelayernorm", "xmod",           "luke",      "mluke", "esm"};

// {"0": "NEGATIVE", "1": "POSITIVE"}, in any order, without gaps.
Result<std::vector<std::string>> ReadLabels(const JsonFile& file, JsonValue id2label) {
  if (!id2label.IsObject()) return file.Refuse("id2label is not an object");
  const auto members = id2label.Members();
  std::vector<std::string> labels(members.size());
  std::vector<bool> seen(labels.size());
  for (const auto& [key, value] : members) {
    std::size_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    const std::optional<std::string> label = value.Text();
    if (error != std::errc() || end != key.data() + key.size() || id >= labels.size() || seen[id] || !label) {
      return file.Refuse(fmt::format("id2label[\"{}\"] is not a label of a class 0..{}", key, labels.size() - 1));
    }
    seen[id] = true;
    labels[id] = *label;
  }
  return labels;
}

Status FindLabels(const JsonFile& file, ModelConfig& config) {
  if (const JsonValue id2label = file["id2label"]) {
    auto labels = ReadLabels(file, id2label);
    if (!labels) return Forward(labels);
    config.labels = std::move(*labels);
    return {};
  }
  std::size_t count = 0;
  Status status = file.Get("num_labels", 0, kMostLabels, count);
  if (!status) return status;
  for (std::size_t i = 0; i < count; ++i) config.labels.push_back(fmt::format("LABEL_{}", i));
  return {};
}

Status FindPositions(const JsonFile& file, ModelConfig& config) {
  // Some families have no table of positions and write -1.
  if (file["max_position_embeddings"].Whole() != -1) {
    Status status = file.Get("max_position_embeddings", 1, kMostPositions, config.positions);
    if (!status) return status;
  }
  const bool after_padding =
      std::ranges::find(kPositionsAfterPadding, config.model_type) != kPositionsAfterPadding.end();
  if (after_padding && !file["pad_token_id"]) config.pad_token = 1;
  if (!after_padding) return {};
  config.first_position = config.pad_token + 1;
  if (config.positions == 0) return {};
  if (config.positions <= config.first_position) {
    return file.Refuse(fmt::format("max_position_embeddings is {}, of which {} keeps the first {}", config.positions,
                                   config.model_type, config.first_position));
  }
  config.positions -= config.first_position;
  return {};
}

void FindHeadFunction(const JsonFile& file, ModelConfig& config) {
  const JsonValue newer = file["sentence_transformers"]["activation_fn"];
  const JsonValue older = file["sbert_ce_default_activation_function"];
  config.head_function = (newer ? newer : older).Text().value_or("");
}

}  // namespace

std::string_view ActivationName(Activation activation) {
  switch (activation) {
    case Activation::kNone: return "none";
    case Activation::kSoftmax: return "softmax";
    case Activation::kSigmoid: return "sigmoid";
  }
  return "";
}

Result<ModelConfig> ReadModelConfig(const std::filesystem::path& path) {
  ModelConfig config;
  const auto file = JsonFile::Read(path);
  if (!file) return std::unexpected(file.error());
  if (!*file) return config;
  const JsonFile& json = **file;
  if (!json.root().IsObject()) return json.Refuse("not an object");
  Status status = json.Get("model_type", config.model_type);
  if (status) status = json.Get("problem_type", config.problem_type);
  if (status) status = json.Get("vocab_size", 1, kMostTokens, config.vocabulary);
  if (status) status = json.Get("type_vocab_size", 0, kMostTokens, config.type_vocabulary);
  // Models without padding write -1.
  if (status && json["pad_token_id"].Whole() != -1) status = json.Get("pad_token_id", 0, kMostTokens, config.pad_token);
  if (status) status = FindPositions(json, config);
  if (status) status = FindLabels(json, config);
  if (!status) return Forward(status);
  const std::vector<JsonValue> architectures = json["architectures"].Items();
  if (!architectures.empty()) config.architecture = architectures[0].Text().value_or("");
  FindHeadFunction(json, config);
  return config;
}

Result<ActivationChoice> ChooseActivation(const ModelConfig& config, std::size_t labels) {
  if (labels == 1 && !config.head_function.empty()) {
    const std::string_view name = std::string_view(config.head_function).substr(config.head_function.rfind('.') + 1);
    const std::string why = fmt::format("config.json names {}", config.head_function);
    if (name == "Identity") return ActivationChoice{Activation::kNone, why};
    if (name == "Sigmoid") return ActivationChoice{Activation::kSigmoid, why};
    return Fail(
        Code::kUnprocessable,
        fmt::format("config.json names the activation {}, which is not served (served are Identity and Sigmoid)",
                    config.head_function));
  }
  if (config.problem_type == "regression") return ActivationChoice{Activation::kNone, "problem_type is regression"};
  if (config.problem_type == "multi_label_classification") {
    return ActivationChoice{Activation::kSigmoid, "problem_type is multi_label_classification"};
  }
  if (!config.problem_type.empty() && config.problem_type != "single_label_classification") {
    return Fail(Code::kUnprocessable, fmt::format("config.json: problem_type {} is not served (served are regression, "
                                                  "single_label_classification and multi_label_classification)",
                                                  config.problem_type));
  }
  if (labels == 1) return ActivationChoice{Activation::kSigmoid, "there is one label"};
  return ActivationChoice{Activation::kSoftmax, "one of several labels is meant"};
}

Result<TokenizerConfig> ReadTokenizerConfig(const std::filesystem::path& path) {
  TokenizerConfig config;
  const auto file = JsonFile::Read(path);
  if (!file) return std::unexpected(file.error());
  if (!*file) return config;
  const JsonFile& json = **file;
  if (!json.root().IsObject()) return json.Refuse("not an object");
  if (const JsonValue length = json["model_max_length"]) {
    const std::optional<double> number = length.Number();
    if (!number || !(*number >= 1)) return json.Refuse("model_max_length is not a number from 1");
    // Without a limit of its own a tokenizer says 1e30.
    if (*number <= kMostPositions) config.max_tokens = static_cast<std::size_t>(*number);
  }
  std::string side = "right";
  Status status = json.Get("truncation_side", side);
  if (!status) return Forward(status);
  if (side != "right" && side != "left") return json.Refuse("truncation_side is neither left nor right");
  config.truncation_side = side == "left" ? Side::kLeft : Side::kRight;
  if (const JsonValue names = json["model_input_names"]; names.IsArray()) {
    config.type_ids =
        std::ranges::any_of(names.Items(), [](JsonValue name) { return name.Text() == "token_type_ids"; });
  }
  return config;
}

}  // namespace weir
