// The command line as data: for completions and the manual page.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace weir::cli {

// A flag or a positional argument. Value type.
struct CommandOption {
  std::vector<std::string> names;    // "-o", "--output"; of a positional its name
  std::string value;                 // what it takes: "FILE"; empty for a switch
  std::vector<std::string> choices;  // all values that it takes; empty when they are open
  std::string help;
  bool positional = false;
  bool required = false;
  bool many = false;
};

struct Command {
  std::vector<std::string> path;  // "weir", "config", "show"
  std::string help;
  std::string footer;
  std::vector<CommandOption> options;
  std::vector<Command> commands;
};

Command ReadTree(const CLI::App& program);
// The tree as a list, each command before those below it.
std::vector<const Command*> Flatten(const Command& tree);

}  // namespace weir::cli
