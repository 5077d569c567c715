#include "app/hub_place.h"

#include <regex>
#include <utility>

namespace weir::app {

std::optional<HubPlace> PlaceInHub(const std::filesystem::path& path) {
  static const std::regex form("/models--([^/]+)/snapshots/([0-9a-f]{40})(/|$)");
  std::smatch found;
  const std::string text = path.lexically_normal().string();
  if (!std::regex_search(text, found, form)) return std::nullopt;
  std::string repository = found[1];
  if (const std::size_t dashes = repository.find("--"); dashes != repository.npos) repository.replace(dashes, 2, "/");
  return HubPlace{std::move(repository), found[2]};
}

}  // namespace weir::app
