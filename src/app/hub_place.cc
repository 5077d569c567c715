#include "app/hub_place.h"

#include <iterator>
#include <string_view>
#include <utility>

#include "hub/names.h"

namespace weir::app {
namespace {

constexpr std::string_view kModels = "models--";

}  // namespace

std::optional<HubPlace> PlaceInHub(const std::filesystem::path& path) {
  const std::filesystem::path plain = path.lexically_normal();
  for (auto part = plain.begin(); part != plain.end(); ++part) {
    std::string repository = part->string();
    const auto snapshots = std::next(part);
    if (!repository.starts_with(kModels) || snapshots == plain.end() || *snapshots != "snapshots") continue;
    const auto commit = std::next(snapshots);
    if (commit == plain.end() || !hub::IsCommit(commit->string())) continue;
    repository.erase(0, kModels.size());
    if (const std::size_t dashes = repository.find("--"); dashes != repository.npos) repository.replace(dashes, 2, "/");
    return HubPlace{std::move(repository), commit->string()};
  }
  return std::nullopt;
}

}  // namespace weir::app
