// Arguments as a person wrote them, past CLI11's notation for lists.
#pragma once

#include <string>
#include <vector>

namespace weir::cli {

// CLI11 takes an argument in brackets, "[a,b]", for a list wherever several values may stand, and a text may look so.
// These arguments (without the program's name, last first, as CLI::App::parse takes them) have a mark before such a
// one.
std::vector<std::string> GuardedArguments(int argc, const char* const* argv);

// Takes the mark away: for the values of every option.
std::string Unguarded(std::string argument);

}  // namespace weir::cli
