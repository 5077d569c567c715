// `weir options`: the reference of all settings.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "app/config.h"
#include "cli/commands.h"

namespace weir::cli {

void AddOptions(CLI::App& program) {
  CLI::App* command = program.add_subcommand("options", "List every setting, its environment variable and default");
  command->callback([] {
    for (const app::OptionInfo& option : app::ListOptions()) {
      fmt::print("{}\n    {}\n    environment {}, default {}\n", option.key, option.help, option.environment,
                 option.fallback.empty() ? "none" : option.fallback);
    }
  });
}

}  // namespace weir::cli
