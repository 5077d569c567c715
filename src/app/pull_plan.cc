#include "app/pull_plan.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace weir::app {
namespace {

constexpr std::array<std::string_view, 8> kAlways = {"config.json",
                                                     "tokenizer.json",
                                                     "tokenizer_config.json",
                                                     "special_tokens_map.json",
                                                     "added_tokens.json",
                                                     "modules.json",
                                                     "config_sentence_transformers.json",
                                                     "head.onnx"};
// What tokenizers without a tokenizer.json are made of.
constexpr std::array<std::string_view, 6> kVocabularies = {"vocab.txt",    "vocab.json", "merges.txt",
                                                           "spiece.model", "bpe.codes",  "sentencepiece.bpe.model"};

bool IsOneOf(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

// "sentence_bert_config.json" and its kin of other families.
bool IsSentenceConfig(std::string_view name) {
  return name.starts_with("sentence_") && name.ends_with("_config.json") && name.find('/') == name.npos;
}

// "1_Pooling/config.json", "2_Dense/model.safetensors": small parts that come after the encoder.
bool IsModuleFile(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == path.npos || path.find('/', slash + 1) != path.npos) return false;
  const std::string_view folder = path.substr(0, slash);
  const std::string_view name = path.substr(slash + 1);
  const std::size_t underscore = folder.find('_');
  if (underscore == 0 || underscore == folder.npos) return false;
  if (!std::ranges::all_of(folder.substr(0, underscore), [](unsigned char c) { return std::isdigit(c) != 0; })) {
    return false;
  }
  const bool is_encoder = folder.ends_with("_Transformer");
  return name == "config.json" || (name == "model.safetensors" && !is_encoder);
}

}  // namespace

Result<PullPlan> PlanPull(std::span<const std::string> files, const std::string& wanted) {
  const auto has = [&](std::string_view name) { return std::ranges::find(files, name) != files.end(); };
  const bool convert = wanted == kSafetensors && has(kSafetensors);
  PullPlan plan;
  if (!convert) {
    Result<OnnxChoice> graph = ChooseOnnxFile(files, wanted);
    if (!graph) return Forward(graph);
    plan.graph = std::move(*graph);
  }
  for (const std::string& file : files) {
    const bool vocabulary = IsOneOf(file, kVocabularies) && !has("tokenizer.json");
    if (IsOneOf(file, kAlways) || vocabulary || IsSentenceConfig(file) || IsModuleFile(file)) {
      plan.files.push_back(file);
    }
  }
  if (convert) {
    plan.files.emplace_back(kSafetensors);
    return plan;
  }
  for (std::string& data : ExternalDataNames(files, plan.graph.file)) plan.files.push_back(std::move(data));
  std::erase(plan.files, plan.graph.file);
  plan.files.push_back(plan.graph.file);
  return plan;
}

}  // namespace weir::app
