#include "text/text_folder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <optional>
#include <string_view>

namespace weir {
namespace {

namespace fs = std::filesystem;
using simdjson::dom::element;

std::unexpected<Error> Broken(const fs::path& file, std::string_view why) {
  return Fail(Code::kUnprocessable, fmt::format("{}: {}", file.string(), why));
}

// nullopt when there is no such file. The element lives as long as the parser.
Result<std::optional<element>> ReadJson(simdjson::dom::parser& parser, const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return std::nullopt;
  element root;
  if (const auto error = parser.load(file.string()).get(root)) {
    return Broken(file, fmt::format("not valid JSON: {}", simdjson::error_message(error)));
  }
  return root;
}

// {"0": "NEGATIVE", "1": "POSITIVE"}, in any order, without gaps.
Result<std::vector<std::string>> ReadLabels(const fs::path& file, element id2label) {
  simdjson::dom::object object;
  if (id2label.get(object)) return Broken(file, "id2label is not an object");
  std::vector<std::string> labels(object.size());
  std::vector<bool> seen(labels.size());
  for (const auto& [key, value] : object) {
    std::size_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    std::string_view label;
    if (error != std::errc() || end != key.data() + key.size() || id >= labels.size() || seen[id] || value.get(label)) {
      return Broken(file, fmt::format("id2label[\"{}\"] is not a label of a class 0..{}", key, labels.size() - 1));
    }
    seen[id] = true;
    labels[id] = label;
  }
  return labels;
}

Status ReadConfig(const fs::path& file, TextFolder& folder) {
  simdjson::dom::parser parser;
  auto root = ReadJson(parser, file);
  if (!root) return Forward(root);
  if (!root->has_value()) return {};
  element found;
  if (!(**root)["max_position_embeddings"].get(found)) {
    std::int64_t positions = 0;
    if (found.get(positions) || positions < 1 || positions > 1'000'000) {
      return Broken(file, "max_position_embeddings is not a number from 1 to 1,000,000");
    }
    folder.max_tokens = static_cast<std::size_t>(positions);
  }
  if (!(**root)["id2label"].get(found)) {
    auto labels = ReadLabels(file, found);
    if (!labels) return Forward(labels);
    folder.labels = std::move(*labels);
  }
  return {};
}

Status ReadPooling(const fs::path& file, TextFolder& folder) {
  simdjson::dom::parser parser;
  auto root = ReadJson(parser, file);
  if (!root) return Forward(root);
  if (!root->has_value()) return {};
  const auto is_on = [&](const char* key) {
    bool on = false;
    return !(**root)[key].get(on) && on;
  };
  if (is_on("pooling_mode_cls_token")) {
    folder.pooling = Pooling::kCls;
  } else if (is_on("pooling_mode_max_tokens")) {
    folder.pooling = Pooling::kMax;
  } else if (!is_on("pooling_mode_mean_tokens")) {
    return Broken(file, "asks for a pooling that is not served (served are mean, cls and max)");
  }
  return {};
}

Status ReadModules(const fs::path& file, TextFolder& folder) {
  simdjson::dom::parser parser;
  auto root = ReadJson(parser, file);
  if (!root) return Forward(root);
  if (!root->has_value()) return {};
  simdjson::dom::array modules;
  if ((**root).get(modules)) return Broken(file, "not a list of modules");
  folder.normalize = false;
  for (const element module : modules) {
    std::string_view type;
    if (module["type"].get(type)) return Broken(file, "a module has no type");
    const std::string_view kind = type.substr(type.rfind('.') + 1);
    if (kind == "Normalize") {
      folder.normalize = true;
    } else if (kind != "Transformer" && kind != "Pooling") {
      return Broken(file, fmt::format("module {} is not served", type));
    }
  }
  return {};
}

}  // namespace

Result<TextFolder> ReadTextFolder(const fs::path& path) {
  TextFolder folder;
  Status status = ReadConfig(path / "config.json", folder);
  if (status) status = ReadPooling(path / "1_Pooling" / "config.json", folder);
  if (status) status = ReadModules(path / "modules.json", folder);
  if (!status) return Forward(status);
  return folder;
}

}  // namespace weir
