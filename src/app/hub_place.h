// Paths in the cache of the hub's tools.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace weir::app {

// What a path ".../models--ORG--NAME/snapshots/COMMIT..." tells. Value type.
struct HubPlace {
  std::string repository;  // "ORG/NAME"
  std::string commit;
};

// nullopt for a path of another form. Pure: links are not followed.
std::optional<HubPlace> PlaceInHub(const std::filesystem::path& path);

}  // namespace weir::app
