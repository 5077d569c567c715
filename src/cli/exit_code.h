// What the program's end tells a script.
#pragma once

#include <array>
#include <string_view>

namespace weir::cli {

enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kWrongUse = 2,
  kSomeFailed = 3,
  kNoModel = 4,
  kNoAddress = 5,
  kNoPermission = 6,
  kSignalled = 128,  // and the signal's number
};

struct ExitMeaning {
  std::string_view code;
  std::string_view meaning;
};

// As --help, the manual page and docs/cli.md have it.
inline constexpr std::array<ExitMeaning, 8> kExitMeanings = {
    {{"0", "done"},
     {"1", "failed: a model that cannot be loaded, a full disk, a check of doctor"},
     {"2", "wrong use or settings: an unknown flag, model or setting, an output that is there already"},
     {"3", "done, but some texts could not be answered; their records say why"},
     {"4", "serve: none of the models could be loaded"},
     {"5", "serve: the address is taken, or is none of this machine"},
     {"6", "serve: the system does not permit a file or the port"},
     {"128 + N", "ended by signal N: 130 after Ctrl-C"}}};

}  // namespace weir::cli
