// Who goes first: classes of requests, each with a share that the others cannot take from it.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace weir {

enum class Priority { kInteractive, kNormal, kBulk };

constexpr std::size_t kPriorities = 3;

// While all three classes have work, they get 16, 4 and 1 parts of the time in 21. A class without work leaves its part
// to the others.
constexpr std::array<double, kPriorities> kShares = {16, 4, 1};

constexpr std::size_t Index(Priority priority) { return static_cast<std::size_t>(priority); }

std::string_view PriorityName(Priority priority);  // "interactive"
// The error lists the names.
Result<Priority> ParsePriority(std::string_view name);

}  // namespace weir
