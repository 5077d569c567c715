#include "cli/command_tree.h"

#include <CLI/CLI.hpp>

#include <sstream>
#include <utility>

namespace weir::cli {
namespace {

CommandOption ReadOption(const CLI::Option& option) {
  CommandOption read{.help = option.get_description(),
                     .positional = option.get_positional(),
                     .required = option.get_required(),
                     .many = option.get_expected_max() > 1};
  for (const std::string& name : option.get_snames()) read.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) read.names.push_back("--" + name);
  if (read.positional) read.names = {option.get_name()};
  if (option.get_type_size_max() == 0) return read;
  read.value = option.get_type_name();
  // "UINT:POSITIVE" is the library's way to write a check.
  read.value = read.value.substr(0, read.value.find(':'));
  if (read.value.find('|') == std::string::npos) return read;
  std::istringstream parts(read.value);
  for (std::string part; std::getline(parts, part, '|');) read.choices.push_back(part);
  return read;
}

Command Read(const CLI::App& app, std::vector<std::string> path) {
  path.push_back(app.get_name());
  Command command{.path = std::move(path), .help = app.get_description(), .footer = app.get_footer()};
  for (const CLI::Option* option : app.get_options()) command.options.push_back(ReadOption(*option));
  const auto all = [](const CLI::App*) { return true; };
  for (const CLI::App* below : app.get_subcommands(all)) command.commands.push_back(Read(*below, command.path));
  return command;
}

void Append(const Command& command, std::vector<const Command*>& list) {
  list.push_back(&command);
  for (const Command& below : command.commands) Append(below, list);
}

}  // namespace

Command ReadTree(const CLI::App& program) { return Read(program, {}); }

std::vector<const Command*> Flatten(const Command& tree) {
  std::vector<const Command*> list;
  Append(tree, list);
  return list;
}

}  // namespace weir::cli
