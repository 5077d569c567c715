// Named sets of defaults.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::app {

struct ProfileSetting {
  std::string_view key;
  std::string_view value;
};

struct Profile {
  std::string_view name;
  std::string_view help;
  std::span<const ProfileSetting> settings;
  bool stage = false;  // of several stages only one can be chosen
};

// All of them, stages first.
std::span<const Profile> AllProfiles();
std::vector<std::string> StageProfiles();
const Profile* FindProfile(std::string_view name);

// Adds one name to a list of chosen profiles. kInvalidArgument when it is unknown (with the nearest and all
// known names), there already, or a second stage.
Status AddProfile(const std::string& name, std::vector<std::string>& chosen);

}  // namespace weir::app
