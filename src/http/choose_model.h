// Which model a request means.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/engine.h"

namespace weir::http {

// The one it names, else the configured default, else the only one with the task.
Result<std::string> ChooseModel(const Engine& engine, const std::optional<std::string>& named,
                                const std::string& fallback, std::string_view task);

}  // namespace weir::http
