#include "cli/fail.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <cstdio>

#include "cli/exit_code.h"

namespace weir::cli {

void Quit(const Error& error) {
  fmt::print(stderr, "weir: {}\n", error.message);
  const bool usage =
      error.code == Code::kInvalidArgument || error.code == Code::kNotFound || error.code == Code::kConflict;
  throw CLI::RuntimeError(usage ? kWrongUse : kFailed);
}

}  // namespace weir::cli
