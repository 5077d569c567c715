// The program's own version. WEIR_VERSION comes from CMake's project().
#pragma once

#include <string_view>

namespace weir {

inline constexpr std::string_view kVersion = WEIR_VERSION;

}  // namespace weir
