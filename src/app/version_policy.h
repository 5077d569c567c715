// Which versions of a model are served.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/model_version.h"

namespace weir::app {

// "latest 2", "listed 1 3" or "all". Value type.
struct VersionPolicy {
  enum class Kind : std::uint8_t { kLatest, kListed, kAll };
  Kind kind = Kind::kLatest;
  std::size_t latest = 1;                  // of kLatest: how many
  std::vector<VersionNumber> listed = {};  // of kListed

  // Those of `present` (the newest first) that are served, the newest first.
  std::vector<VersionNumber> Choose(const std::vector<VersionNumber>& present) const;
};

Result<VersionPolicy> ParseVersionPolicy(std::string_view text);
std::string VersionPolicyText(const VersionPolicy& policy);

}  // namespace weir::app
