#include "engine/model_version.h"

#include <algorithm>
#include <charconv>

namespace weir {

std::optional<VersionNumber> ParseVersion(std::string_view text) {
  VersionNumber version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || text.front() == '0') return std::nullopt;
  return version;
}

ModelReference ParseReference(std::string_view text) {
  const std::size_t slash = text.rfind('/');
  if (slash == text.npos) return {text, std::nullopt};
  const std::optional<VersionNumber> version = ParseVersion(text.substr(slash + 1));
  if (!version) return {text, std::nullopt};
  return {text.substr(0, slash), version};
}

std::string ReferenceOf(std::string_view name, VersionNumber version) {
  std::string reference(name);
  if (version != 0) reference.append("/").append(std::to_string(version));
  return reference;
}

std::string VersionText(VersionNumber version) { return std::to_string(std::max<VersionNumber>(version, 1)); }

}  // namespace weir
