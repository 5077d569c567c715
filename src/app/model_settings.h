// Settings of one model, over those of all.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/units.h"
#include "app/version_policy.h"
#include "base/result.h"

namespace weir::app {

// What is not there is as for all models. Value type.
struct ModelSettings {
  std::optional<VersionPolicy> versions;
  std::optional<bool> on_demand;             // when it loads
  std::optional<std::string> device;         // as ParseDevice gives it
  std::optional<std::uint64_t> cache_bytes;  // of the prediction cache
};
using ModelSettingsMap = std::map<std::string, ModelSettings, std::less<>>;

// "auto", "cpu", "cuda" or "cuda:1"; "cuda" is "cuda:0".
Result<std::string> ParseDevice(const std::string& text);

// The keys, as the reference of settings lists them: "load, versions".
std::string ModelSettingKeys();
// Them with what their values look like.
std::vector<std::pair<std::string, ValueForm>> ModelSettingForms();
// Reads "minilm.load=on-demand" into the map. An error names the nearest key.
Status AddModelSetting(std::string_view text, ModelSettingsMap& models);
// What AddModelSetting reads, one for each that is set.
std::vector<std::string> ModelSettingTexts(const ModelSettingsMap& models);

}  // namespace weir::app
