#include "cli/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace weir::cli {

bool IsTerminal(int descriptor) {
  const char* kind = std::getenv("TERM");
  return isatty(descriptor) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

bool Colours(int descriptor) {
  const char* unwanted = std::getenv("NO_COLOR");
  return IsTerminal(descriptor) && (unwanted == nullptr || *unwanted == 0);
}

std::string_view Begin(Paint paint) {
  switch (paint) {
    case Paint::kGreen: return "\033[32m";
    case Paint::kYellow: return "\033[33m";
    case Paint::kRed: return "\033[31m";
  }
  return "";
}

}  // namespace weir::cli
