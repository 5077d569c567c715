// Variables of services that Weir stands in for, read with the profile of their name.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/options.h"

namespace weir::app {

// One variable. Immutable.
struct CompatVariable {
  std::string_view name;  // "MLOPS_PORT"
  std::string_view key;   // of the setting that it sets; empty: it has no effect here
  std::string_view help;  // what becomes of its value, or why it has no effect
  // The setting's text for the variable's, or nullopt where this value leaves it as it is; null: the same.
  Result<std::optional<std::string>> (*convert)(const std::string& value) = nullptr;
};

// Those of `profile`; none for a profile that has none.
std::span<const CompatVariable> CompatVariables(std::string_view profile);

// What the environment says by them: over the file, below Weir's own variables.
std::vector<Assignment> ReadCompatEnvironment(std::string_view profile, std::vector<Error>& problems);

}  // namespace weir::app
