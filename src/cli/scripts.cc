// `weir completion` and `weir man`: what packages install beside the program.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/completion.h"

namespace weir::cli {

void AddScripts(CLI::App& program) {
  CLI::App* completion = program.add_subcommand("completion", "Print a script that completes commands and flags");
  completion->require_subcommand(1);
  completion->footer(
      "Examples:\n  weir completion bash > weir.bash\n  weir completion zsh > _weir\n  weir completion fish > "
      "weir.fish");
  using Write = std::string (*)(const Command&);
  const auto add = [&](const char* shell, Write write, const char* how) {
    CLI::App* command = completion->add_subcommand(shell, std::string("For ") + shell + ": " + how);
    command->callback([&program, write] { fmt::print("{}", write(ReadTree(program))); });
  };
  add("bash", BashCompletion, "source <(weir completion bash)");
  add("zsh", ZshCompletion, "source <(weir completion zsh)");
  add("fish", FishCompletion, "weir completion fish | source");
  CLI::App* manual = program.add_subcommand("man", "Print the manual page");
  manual->footer("Examples:\n  weir man > weir.1");
  manual->callback([&program] { fmt::print("{}", ManualPage(ReadTree(program))); });
}

}  // namespace weir::cli
