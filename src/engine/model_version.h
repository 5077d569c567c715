// How a model and one version of it are named.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// A version is a positive number. 0 stands for the only one of a model whose folder has none, which is called "1".
using VersionNumber = std::uint64_t;

// "minilm": whichever version of it serves; "minilm/3": that version. Value type.
struct ModelReference {
  std::string_view name;
  std::optional<VersionNumber> version;
};

// A positive number without leading zeros; nullopt for anything else.
std::optional<VersionNumber> ParseVersion(std::string_view text);
// What is no version behind a '/' belongs to the name, which then is unknown. Points into `text`.
ModelReference ParseReference(std::string_view text);
// "minilm/3"; "minilm" for version 0.
std::string ReferenceOf(std::string_view name, VersionNumber version);
// "3"; "1" for version 0.
std::string VersionText(VersionNumber version);

// Which versions there are of a model, and what is done with them. Value type.
struct ModelPlan {
  std::vector<VersionNumber> served = {0};        // by the policy, the newest first
  std::vector<VersionNumber> present = {0};       // all that could be loaded, the newest first
  bool on_demand = false;                         // a request for it loads it
  std::optional<std::uint64_t> cache_bytes = {};  // as DeploymentOptions has it, over that of all models
};

}  // namespace weir
