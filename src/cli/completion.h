// Scripts that complete the command line in shells.
#pragma once

#include <string>

#include "cli/command_tree.h"

namespace weir::cli {

std::string BashCompletion(const Command& tree);
std::string ZshCompletion(const Command& tree);
std::string FishCompletion(const Command& tree);

// The manual page in roff's man macros.
std::string ManualPage(const Command& tree);

}  // namespace weir::cli
