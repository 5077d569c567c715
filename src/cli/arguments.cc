#include "cli/arguments.h"

#include <algorithm>

namespace weir::cli {
namespace {

constexpr char kMark = '\x01';

// Marks before it are counted in, so that taking one away gives back what was written.
bool LooksLikeList(const std::string& argument) {
  const std::size_t first = argument.find_first_not_of(kMark);
  return first != std::string::npos && argument[first] == '[' && argument.back() == ']';
}

}  // namespace

std::vector<std::string> GuardedArguments(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  for (std::string& argument : arguments) {
    if (LooksLikeList(argument)) argument.insert(argument.begin(), kMark);
  }
  std::ranges::reverse(arguments);
  return arguments;
}

std::string Unguarded(std::string argument) {
  if (argument.starts_with(kMark) && LooksLikeList(argument)) argument.erase(0, 1);
  return argument;
}

}  // namespace weir::cli
