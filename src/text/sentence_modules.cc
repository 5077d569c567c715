#include "text/sentence_modules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/nearest.h"
#include "folder/json_file.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostTokens = 1'000'000;
constexpr std::size_t kMostWidth = 1'000'000;

// The keys of older folders, in the order in which their vectors stand behind each other.
struct PoolingKey {
  const char* key;
  Pooling pooling;
};
constexpr std::array<PoolingKey, 6> kPoolingKeys = {{{"pooling_mode_cls_token", Pooling::kCls},
                                                     {"pooling_mode_max_tokens", Pooling::kMax},
                                                     {"pooling_mode_mean_tokens", Pooling::kMean},
                                                     {"pooling_mode_mean_sqrt_len_tokens", Pooling::kMeanSqrtLen},
                                                     {"pooling_mode_weightedmean_tokens", Pooling::kWeightedMean},
                                                     {"pooling_mode_lasttoken", Pooling::kLastToken}}};

// "mean", "cls+mean" or ["cls", "mean"].
Result<std::vector<Pooling>> ParsePooling(const JsonFile& file, JsonValue mode) {
  std::vector<std::string> names;
  for (const JsonValue item : mode.Items()) names.push_back(item.Text().value_or(""));
  if (const std::optional<std::string> text = mode.Text()) {
    for (std::size_t begin = 0; begin <= text->size();) {
      const std::size_t end = std::min(text->find('+', begin), text->size());
      names.push_back(text->substr(begin, end - begin));
      begin = end + 1;
    }
  }
  if (names.empty()) return file.Refuse("pooling_mode is no name");
  std::vector<Pooling> poolings;
  for (const std::string& name : names) {
    const std::optional<Pooling> pooling = PoolingFromName(name);
    if (!pooling) {
      return file.Refuse(
          fmt::format("the pooling '{}' is not served (served are mean, cls, max, lasttoken, "
                      "weightedmean and mean_sqrt_len_tokens)",
                      name));
    }
    poolings.push_back(*pooling);
  }
  return poolings;
}

// Any other key of the kind that is on asks for something newer than this program.
Status CheckPoolingKeys(const JsonFile& file) {
  for (const auto& [key, value] : file.root().Members()) {
    if (!key.starts_with("pooling_mode_") || !value.Flag().value_or(false)) continue;
    if (std::ranges::none_of(kPoolingKeys, [&](const PoolingKey& known) { return key == known.key; })) {
      return file.Refuse(fmt::format("{} is not served", key));
    }
  }
  return {};
}

Status ReadPooling(const fs::path& path, SentenceModules& modules) {
  const auto read = JsonFile::Read(path);
  if (!read) return std::unexpected(read.error());
  if (!*read) return {};
  const JsonFile& file = **read;
  Status status = file.Get("include_prompt", modules.include_prompt);
  if (status) status = file.Get("word_embedding_dimension", 1, kMostWidth, modules.token_width);
  if (status) status = file.Get("embedding_dimension", 1, kMostWidth, modules.token_width);
  if (!status) return status;
  if (const JsonValue mode = file["pooling_mode"]) {
    auto poolings = ParsePooling(file, mode);
    if (!poolings) return Forward(poolings);
    modules.pooling = std::move(*poolings);
    return {};
  }
  status = CheckPoolingKeys(file);
  if (!status) return status;
  std::vector<Pooling> poolings;
  for (const PoolingKey& known : kPoolingKeys) {
    bool on = false;
    status = file.Get(known.key, on);
    if (!status) return status;
    if (on) poolings.push_back(known.pooling);
  }
  if (!poolings.empty()) modules.pooling = std::move(poolings);  // none: the mean, as sentence-transformers takes it
  return {};
}

// Older folders name the file after the family.
constexpr std::array<const char*, 7> kTransformerFiles = {
    "sentence_bert_config.json",      "sentence_roberta_config.json",     "sentence_distilbert_config.json",
    "sentence_camembert_config.json", "sentence_xlm-roberta_config.json", "sentence_albert_config.json",
    "sentence_xlnet_config.json"};

Status ReadTransformer(const fs::path& folder, SentenceModules& modules) {
  for (const char* name : kTransformerFiles) {
    const auto read = JsonFile::Read(folder / name);
    if (!read) return std::unexpected(read.error());
    if (!*read) continue;
    Status status = (*read)->Get("max_seq_length", 1, kMostTokens, modules.max_tokens);
    if (status) status = (*read)->Get("do_lower_case", modules.lowercase);
    return status;
  }
  return {};
}

// One entry of modules.json: {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}.
struct Module {
  std::string type;
  std::string kind;  // the type's last word
  fs::path folder;
};

Result<Module> ReadModule(const JsonFile& file, JsonValue entry, std::size_t index, const fs::path& folder) {
  Module module;
  module.type = entry["type"].Text().value_or("");
  if (module.type.empty()) return file.Refuse("a module has no type");
  module.kind = module.type.substr(module.type.rfind('.') + 1);
  const bool known_place = module.type.starts_with("sentence_transformers.");
  const fs::path path = entry["path"].Text().value_or(index == 0 ? "" : fmt::format("{}_{}", index, module.kind));
  if (!known_place) return file.Refuse(fmt::format("module {} is not served: it is code of its own", module.type));
  if (path.is_absolute() || std::ranges::find(path, "..") != path.end()) {
    return file.Refuse(fmt::format("the path '{}' of module {} leaves the model's folder", path.string(), module.type));
  }
  module.folder = folder / path;
  return module;
}

// `pooled` says whether a Pooling came before, `last` whether nothing comes behind.
Status AddModule(const JsonFile& file, const Module& module, bool& pooled, SentenceModules& modules) {
  if (module.kind == "Transformer") return ReadTransformer(module.folder, modules);
  if (module.kind == "Pooling") {
    if (pooled) return file.Refuse("there are two Pooling modules");
    pooled = true;
    return ReadPooling(module.folder / "config.json", modules);
  }
  if (module.kind == "Dropout") return {};  // nothing when a model answers
  const bool step = module.kind == "Normalize" || module.kind == "Dense" || module.kind == "LayerNorm";
  if (!step) {
    return file.Refuse(
        fmt::format("module {} is not served (served are Transformer, Pooling, Dense, LayerNorm, "
                    "Dropout and Normalize)",
                    module.type));
  }
  if (!pooled) return file.Refuse(fmt::format("module {} before a Pooling is not served", module.type));
  if (module.kind == "Normalize") {
    modules.steps.emplace_back(NormalizeStep{});
    return {};
  }
  Result<VectorStep> read = module.kind == "Dense" ? ReadDense(module.folder) : ReadLayerNorm(module.folder);
  if (!read) return Forward(read);
  modules.steps.push_back(std::move(*read));
  return {};
}

}  // namespace

Result<SentenceModules> ReadSentenceModules(const fs::path& folder) {
  SentenceModules modules;
  const auto read = JsonFile::Read(folder / "modules.json");
  if (!read) return std::unexpected(read.error());
  if (!*read) {
    Status status = ReadPooling(folder / "1_Pooling" / "config.json", modules);
    if (status) status = ReadTransformer(folder, modules);
    if (!status) return Forward(status);
    return modules;
  }
  const JsonFile& file = **read;
  if (!file.root().IsArray()) return file.Refuse("not a list of modules");
  modules.listed = true;
  bool pooled = false;
  std::size_t index = 0;
  for (const JsonValue entry : file.root().Items()) {
    Result<Module> module = ReadModule(file, entry, index++, folder);
    if (!module) return Forward(module);
    Status added = AddModule(file, *module, pooled, modules);
    if (!added) return Forward(added);
  }
  modules.normalize = !modules.steps.empty() && std::holds_alternative<NormalizeStep>(modules.steps.back());
  if (modules.normalize) modules.steps.pop_back();
  return modules;
}

Result<Prompts> ReadPrompts(const fs::path& folder) {
  Prompts prompts;
  const auto read = JsonFile::Read(folder / "config_sentence_transformers.json");
  if (!read) return std::unexpected(read.error());
  if (!*read) return prompts;
  const JsonFile& file = **read;
  if (const JsonValue all = file["prompts"]) {
    if (!all.IsObject()) return file.Refuse("prompts is not an object");
    for (const auto& [name, prompt] : all.Members()) {
      if (!prompt) continue;
      const std::optional<std::string> text = prompt.Text();
      if (!text) return file.Refuse(fmt::format("prompts[\"{}\"] is not a text", name));
      prompts.by_name[name] = *text;
    }
  }
  Status status = file.Get("default_prompt_name", prompts.default_name);
  if (!status) return Forward(status);
  if (!prompts.default_name.empty() && !prompts.by_name.contains(prompts.default_name)) {
    return file.Refuse(fmt::format("default_prompt_name is '{}', which is none of prompts", prompts.default_name));
  }
  return prompts;
}

}  // namespace weir
