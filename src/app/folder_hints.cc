#include "app/folder_hints.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "app/pull_plan.h"
#include "codec/json_reader.h"

namespace weir::app {
namespace {

constexpr std::streamsize kMostBytes = 1 << 20;

// What of config.json says what the model is; "" where it cannot be told.
struct ModelConfig {
  std::string type;
  std::string architecture;
  bool is_kronos = false;
};

ModelConfig ReadModelConfig(const std::filesystem::path& folder) {
  std::ifstream input(folder / "config.json", std::ios::binary);
  std::string text(kMostBytes, '\0');
  input.read(text.data(), kMostBytes);
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(input.gcount(), 0)));
  const Result<codec::JsonElement> root = codec::ParseJson(text);
  if (!root) return {};
  const Result<codec::JsonObject> object = codec::JsonObject::From(*root);
  if (!object) return {};
  ModelConfig config{.type = object->FindString("model_type").value_or(std::nullopt).value_or("")};
  config.is_kronos = object->FindEvenNull("s1_bits").has_value();
  std::string_view architecture;
  const auto found = object->RequireArray("architectures");
  if (found && found->size() > 0 && !found->at(0).get(architecture)) config.architecture = architecture;
  return config;
}

}  // namespace

std::string ConverterHint(const std::filesystem::path& folder, std::span<const std::string> files) {
  if (std::ranges::find(files, kSafetensors) == files.end()) return "";
  const ModelConfig config = ReadModelConfig(folder);
  if (config.type == "bert" && (config.architecture == "BertModel" || config.architecture.empty())) {
    return fmt::format(
        "; it has {}: 'python3 tools/convert/convert_bert.py {} OUT' makes a folder of it that is served", kSafetensors,
        folder.string());
  }
  if (config.is_kronos) {
    return fmt::format(
        "; it has {} of a Kronos model: 'weir models convert kronos --model {} --tokenizer TOKENIZER --out OUT' makes "
        "a "
        "folder of it that is served",
        kSafetensors, folder.string());
  }
  const std::string& what = config.architecture.empty() ? config.type : config.architecture;
  return fmt::format("; it has {}{}, which tools/convert does not know: export it to ONNX with a tool that does",
                     kSafetensors, what.empty() ? std::string() : fmt::format(" of '{}'", what));
}

bool NamesClassifier(const std::filesystem::path& folder) {
  return ReadModelConfig(folder).architecture.ends_with("ForSequenceClassification");
}

}  // namespace weir::app
