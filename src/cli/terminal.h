// What the output goes to.
#pragma once

#include <string_view>

namespace weir::cli {

enum class Paint { kGreen, kYellow, kRed };

// Whether colours are wanted on this file descriptor: a terminal, and NO_COLOR (no-color.org) is not set.
bool Colours(int descriptor);
// Whether a line may be drawn over and over again there.
bool IsTerminal(int descriptor);

// The escape sequence that begins a colour.
std::string_view Begin(Paint paint);
inline constexpr std::string_view kEnd = "\033[0m";

}  // namespace weir::cli
