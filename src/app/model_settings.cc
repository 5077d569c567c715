#include "app/model_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "app/model_folder.h"
#include "app/units.h"
#include "base/nearest.h"

namespace weir::app {
namespace {

// One setting that a model may have for itself. Immutable.
struct Row {
  std::string key;
  std::function<Status(const std::string&, ModelSettings&)> set;
  std::function<std::optional<std::string>(const ModelSettings&)> show;
  ValueForm form = {};
};

// The only list of them.
const std::vector<Row>& Rows() {
  static const std::vector<Row> rows = {
      {"cache",
       [](const std::string& text, ModelSettings& model) -> Status {
         const Result<std::uint64_t> bytes = ParseSize(text);
         if (!bytes) return std::unexpected(bytes.error());
         model.cache_bytes = *bytes;
         return {};
       },
       [](const ModelSettings& model) -> std::optional<std::string> {
         if (!model.cache_bytes) return std::nullopt;
         return SizeText(*model.cache_bytes);
       },
       {.kind = ValueForm::Kind::kSize}},
      {"device",
       [](const std::string& text, ModelSettings& model) -> Status {
         Result<std::string> device = ParseDevice(text);
         if (!device) return Forward(device);
         model.device = std::move(*device);
         return {};
       },
       [](const ModelSettings& model) { return model.device; }},
      {"load",
       [](const std::string& text, ModelSettings& model) -> Status {
         if (text != "startup" && text != "on-demand") {
           return InvalidArgument(fmt::format("'{}' is none of startup, on-demand", text));
         }
         model.on_demand = text == "on-demand";
         return {};
       },
       [](const ModelSettings& model) -> std::optional<std::string> {
         if (!model.on_demand) return std::nullopt;
         return *model.on_demand ? "on-demand" : "startup";
       },
       {.kind = ValueForm::Kind::kWords, .words = {"startup", "on-demand"}}},
      {"versions",
       [](const std::string& text, ModelSettings& model) -> Status {
         Result<VersionPolicy> policy = ParseVersionPolicy(text);
         if (!policy) return Forward(policy);
         model.versions = std::move(*policy);
         return {};
       },
       [](const ModelSettings& model) -> std::optional<std::string> {
         if (!model.versions) return std::nullopt;
         return VersionPolicyText(*model.versions);
       }},
  };
  return rows;
}

std::vector<std::string> Keys() {
  std::vector<std::string> keys;
  for (const Row& row : Rows()) keys.push_back(row.key);
  return keys;
}

}  // namespace

Result<std::string> ParseDevice(const std::string& text) {
  if (text == "auto" || text == "cpu") return text;
  if (text == "cuda") return "cuda:0";
  const bool numbered = text.starts_with("cuda:") && ParseCount(text.substr(5), 0, 1000);
  if (!numbered) return InvalidArgument(fmt::format("'{}' is none of auto, cpu, cuda, cuda:1", text));
  return text;
}

std::vector<std::pair<std::string, ValueForm>> ModelSettingForms() {
  std::vector<std::pair<std::string, ValueForm>> forms;
  for (const Row& row : Rows()) forms.emplace_back(row.key, row.form);
  return forms;
}

std::string ModelSettingKeys() { return fmt::format("{}", fmt::join(Keys(), ", ")); }

Status AddModelSetting(std::string_view text, ModelSettingsMap& models) {
  const std::size_t equals = text.find('=');
  const std::string_view left = text.substr(0, equals);
  const std::size_t dot = left.rfind('.');  // a name may have dots of its own
  if (equals == text.npos || dot == text.npos) {
    return InvalidArgument(fmt::format("'{}' is not of the form NAME.SETTING=VALUE", text));
  }
  const std::string name(left.substr(0, dot));
  const std::string key(left.substr(dot + 1));
  if (!IsModelName(name)) return InvalidArgument(fmt::format("'{}' is no name for a model", name));
  const auto row = std::ranges::find(Rows(), key, &Row::key);
  if (row == Rows().end()) {
    const std::vector<std::string> keys = Keys();
    return InvalidArgument(fmt::format("unknown setting '{}' of model '{}'{}; there are: {}", key, name,
                                       DidYouMean(key, keys), fmt::join(keys, ", ")));
  }
  ModelSettings changed = models.contains(name) ? models.find(name)->second : ModelSettings();
  if (Status set = row->set(std::string(text.substr(equals + 1)), changed); !set) {
    return InvalidArgument(fmt::format("{}.{}: {}", name, key, set.error().message));
  }
  models.insert_or_assign(name, std::move(changed));
  return {};
}

std::vector<std::string> ModelSettingTexts(const ModelSettingsMap& models) {
  std::vector<std::string> texts;
  for (const auto& [name, model] : models) {
    for (const Row& row : Rows()) {
      if (const auto shown = row.show(model)) texts.push_back(fmt::format("{}.{}={}", name, row.key, *shown));
    }
  }
  return texts;
}

}  // namespace weir::app
