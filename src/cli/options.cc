// `weir options`: the reference of all settings.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <memory>

#include "app/config.h"
#include "cli/commands.h"

namespace weir::cli {

void AddOptions(CLI::App& program) {
  CLI::App* command = program.add_subcommand("options", "List every setting, its environment variable and default");
  auto markdown = std::make_shared<bool>(false);
  command->add_flag("--markdown", *markdown, "As the tables of docs/configuration.md");
  command->footer("Example:\n  weir options --markdown");
  command->callback([markdown] {
    if (*markdown) {
      fmt::print("{}", app::ConfigMarkdown());
      return;
    }
    for (const app::OptionInfo& option : app::ListOptions()) {
      fmt::print("{}\n    {}\n    environment {}, default {}\n", option.key, option.help, option.environment,
                 option.fallback.empty() ? "none" : option.fallback);
    }
  });
}

}  // namespace weir::cli
