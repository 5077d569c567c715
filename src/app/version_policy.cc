#include "app/version_policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "app/units.h"

namespace weir::app {

std::vector<VersionNumber> VersionPolicy::Choose(const std::vector<VersionNumber>& present) const {
  std::vector<VersionNumber> chosen = present;
  if (kind == Kind::kLatest) chosen.resize(std::min(chosen.size(), latest));
  if (kind == Kind::kListed) {
    // The only one of a model whose folder has no versions is called 1.
    std::erase_if(chosen, [this](VersionNumber version) {
      return std::ranges::find(listed, std::max<VersionNumber>(version, 1)) == listed.end();
    });
  }
  return chosen;
}

Result<VersionPolicy> ParseVersionPolicy(std::string_view text) {
  const auto wrong = [text] {
    return InvalidArgument(fmt::format("'{}' is not a value such as 'latest 1', 'listed 1 3' or 'all'", text));
  };
  std::istringstream words{std::string(text)};
  std::string word;
  words >> word;
  VersionPolicy policy;
  if (word == "all") {
    policy.kind = VersionPolicy::Kind::kAll;
  } else if (word == "latest") {
    words >> word;
    const Result<std::uint64_t> count = ParseCount(word, 1, 1000);
    if (!count) return wrong();
    policy.latest = static_cast<std::size_t>(*count);
  } else if (word == "listed") {
    policy.kind = VersionPolicy::Kind::kListed;
    while (words >> word) {
      const auto version = ParseVersion(word);
      if (!version) return wrong();
      policy.listed.push_back(*version);
    }
    if (policy.listed.empty()) return wrong();
    return policy;
  } else {
    return wrong();
  }
  if (words >> word) return wrong();
  return policy;
}

std::string VersionPolicyText(const VersionPolicy& policy) {
  switch (policy.kind) {
    case VersionPolicy::Kind::kAll: return "all";
    case VersionPolicy::Kind::kLatest: return fmt::format("latest {}", policy.latest);
    case VersionPolicy::Kind::kListed: return fmt::format("listed {}", fmt::join(policy.listed, " "));
  }
  return "all";
}

}  // namespace weir::app
