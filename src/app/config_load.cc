// Settings from their sources, the later over the earlier.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "app/compat_environment.h"
#include "app/config.h"
#include "app/keys_file.h"
#include "app/options.h"
#include "app/profiles.h"
#include "base/log.h"
#include "base/nearest.h"

extern char** environ;  // POSIX

namespace weir::app {
namespace {

// One text that holds all items of a list.
void AddItems(Assignment& assignment, const std::string& text, const std::string& where) {
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, assignment.option->separator);) {
    assignment.values.push_back({part, where});
  }
}

std::vector<Assignment> ReadEnvironment() {
  std::vector<Assignment> found;
  for (const Option& option : Options()) {
    const std::string name = EnvironmentName(option.key);
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) continue;
    Assignment assignment{&option, {}, "environment " + name};
    if (option.separator == 0) {
      assignment.values.push_back({value, name});
    } else {
      AddItems(assignment, value, name);
    }
    found.push_back(std::move(assignment));
  }
  return found;
}

// Flags that name the same list together make that list.
std::vector<Assignment> ReadFlags(const std::vector<ConfigFlag>& flags, std::vector<Error>& problems) {
  std::vector<Assignment> found;
  for (const ConfigFlag& flag : flags) {
    const Option* const option = FindOption(flag.key);
    if (option == nullptr) {
      problems.push_back({Code::kInvalidArgument, fmt::format("{}: unknown setting '{}'{}", flag.origin, flag.key,
                                                              DidYouMean(flag.key, Keys()))});
      continue;
    }
    auto same = std::ranges::find(found, option, &Assignment::option);
    if (same == found.end()) same = found.insert(found.end(), {option, {}, flag.origin});
    if (option->separator == ',') {
      AddItems(*same, flag.value, flag.origin);
    } else {  // a path may have a ':' of its own
      same->values.push_back({flag.value, flag.origin});
    }
  }
  return found;
}

std::vector<Assignment> ReadProfile(const std::string& name) {
  std::vector<Assignment> found;
  for (const ProfileSetting& setting : FindProfile(name)->settings) {
    const std::string origin = "profile " + name;
    found.push_back({FindOption(setting.key), {{std::string(setting.value), origin}}, origin});
  }
  return found;
}

void Apply(const std::vector<Assignment>& layer, LoadedConfig& loaded, std::vector<Error>& problems) {
  for (const Assignment& assignment : layer) {
    if (assignment.option->clear) assignment.option->clear(loaded.config);
    for (const Assignment::Value& value : assignment.values) {
      const Status set = assignment.option->set(value.text, loaded.config);
      if (!set) problems.push_back({set.error().code, fmt::format("{}: {}", value.where, set.error().message)});
    }
    loaded.origins[assignment.option->key] = assignment.origin;
  }
}

// The sentiment service names its stage itself.
void AddStageOfService(std::vector<std::string>& profiles, std::vector<Error>& problems) {
  const char* const stage = std::getenv("MLOPS_PROFILE");
  const auto is_stage = [](const std::string& name) { return FindProfile(name)->stage; };
  if (stage == nullptr || std::ranges::find(profiles, "sentiment") == profiles.end()) return;
  if (std::ranges::any_of(profiles, is_stage)) return;  // one is named in Weir's own way
  const Profile* const known = FindProfile(stage);
  if (known == nullptr || !known->stage) {
    problems.push_back({Code::kInvalidArgument,
                        fmt::format("MLOPS_PROFILE: '{}' is none of {}", stage, fmt::join(StageProfiles(), ", "))});
    return;
  }
  profiles.insert(profiles.begin(), std::string(known->name));
}

LoadedConfig LoadAll(const ConfigSources& sources, std::vector<Error>& problems) {
  std::vector<std::vector<Assignment>> layers;
  if (!sources.file.empty()) layers.push_back(ReadConfigFile(sources.file, problems));
  layers.push_back(ReadEnvironment());
  layers.push_back(ReadFlags(sources.flags, problems));
  LoadedConfig loaded;
  for (const Option& option : Options()) loaded.origins[option.key] = "default";
  // The profiles lie below the layers that name them, so they are found first.
  LoadedConfig named;
  std::vector<Error> repeated;  // they will be found again
  for (std::vector<Assignment>& layer : layers) {
    std::vector<Assignment> profile;
    std::ranges::copy_if(layer, std::back_inserter(profile),
                         [](const Assignment& a) { return a.option->key == "profile"; });
    Apply(profile, named, repeated);
  }
  AddStageOfService(named.config.profiles, problems);
  for (const std::string& name : named.config.profiles) Apply(ReadProfile(name), loaded, problems);
  const std::size_t own_environment = layers.size() - 2;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (i == own_environment) {
      for (const std::string& name : named.config.profiles)
        Apply(ReadCompatEnvironment(name, problems), loaded, problems);
    }
    Apply(layers[i], loaded, problems);
  }
  return loaded;
}

}  // namespace

Result<LoadedConfig> LoadConfig(const ConfigSources& sources) {
  std::vector<Error> problems;
  LoadedConfig loaded = LoadAll(sources, problems);
  if (!problems.empty()) return std::unexpected(std::move(problems.front()));
  for (const std::string& unknown : UnknownVariables()) log::Warn("{}", unknown);
  return loaded;
}

Status LoadConfig(const std::filesystem::path& file, Config& config) {
  Result<LoadedConfig> loaded = LoadConfig(ConfigSources{.file = file, .flags = {}});
  if (!loaded) return Forward(loaded);
  config = std::move(loaded->config);
  return {};
}

std::vector<Error> FindProblems(const ConfigSources& sources) {
  std::vector<Error> problems;
  const LoadedConfig loaded = LoadAll(sources, problems);
  const Status together = CheckTogether(loaded.config);
  if (!together) problems.push_back(together.error());
  const Result<std::vector<access::Key>> keys = KeysOf(loaded.config);
  if (!keys) problems.push_back(keys.error());
  for (const std::string& unknown : UnknownVariables()) problems.push_back({Code::kInvalidArgument, unknown});
  return problems;
}

std::vector<std::string> UnknownVariables() {
  std::vector<std::string> known;
  for (const std::string& key : Keys()) known.push_back(EnvironmentName(key));
  std::vector<std::string> unknown;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view line = *entry;
    const std::string_view name = line.substr(0, line.find('='));
    if (!name.starts_with("WEIR_") || std::ranges::find(known, name) != known.end()) continue;
    unknown.push_back(fmt::format("the environment variable {} is no setting{}", name, DidYouMean(name, known)));
  }
  return unknown;
}

}  // namespace weir::app
