#include "engine/priority.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir {
namespace {

constexpr std::array<std::string_view, kPriorities> kNames = {"interactive", "normal", "bulk"};

}  // namespace

std::string_view PriorityName(Priority priority) { return kNames[Index(priority)]; }

Result<Priority> ParsePriority(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found != kNames.end()) return static_cast<Priority>(found - kNames.begin());
  return InvalidArgument(fmt::format("a priority is {}, not '{}'", fmt::join(kNames, ", "), name), "priority");
}

}  // namespace weir
