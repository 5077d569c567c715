// The manual page.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "app/config.h"
#include "base/version.h"
#include "cli/completion.h"
#include "cli/exit_code.h"

namespace weir::cli {
namespace {

// Whether it does nothing without one of the commands below it.
bool IsGroup(const Command& command) {
  return !command.commands.empty() && std::ranges::none_of(command.options, &CommandOption::positional);
}

// Text that roff prints as it stands.
std::string Roff(std::string_view text) {
  std::string out;
  bool begin = true;  // of a line
  constexpr std::string_view kDots = "…";
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (begin && (c == '.' || c == '\'')) out += "\\&";
    if (text.substr(at).starts_with(kDots)) {
      out += "...";
      at += kDots.size() - 1;
    } else if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    begin = c == '\n';
  }
  return out;
}

std::string Usage(const Command& command) {
  std::string usage = fmt::format("\\fB{}\\fR", fmt::join(command.path, " "));
  if (IsGroup(command)) usage += " \\fICOMMAND\\fR";
  for (const CommandOption& option : command.options) {
    if (!option.positional) continue;
    const std::string name = "\\fI" + Roff(option.names[0]) + "\\fR" + (option.many ? "..." : "");
    usage += option.required ? " " + name : " [" + name + "]";
  }
  return usage + " [\\fIflags\\fR]\n";
}

std::string Options(const Command& command) {
  std::string text;
  for (const CommandOption& option : command.options) {
    text += ".TP\n";
    for (std::size_t i = 0; i < option.names.size(); ++i) {
      const char* font = option.positional ? "\\fI" : "\\fB";
      text += fmt::format("{}{}{}\\fR", i == 0 ? "" : ", ", font, Roff(option.names[i]));
    }
    if (!option.value.empty() && !option.positional) text += fmt::format(" \\fI{}\\fR", Roff(option.value));
    text.append("\n").append(Roff(option.help)).append("\n");
  }
  return text;
}

// Prose, and examples as they are typed.
std::string Footer(const std::string& footer) {
  std::string text;
  std::istringstream lines(footer);
  bool typed = false;
  for (std::string line; std::getline(lines, line);) {
    const bool indented = line.starts_with("  ");
    if (indented != typed) text += indented ? ".PP\n.nf\n.RS 2\n" : ".RE\n.fi\n.PP\n";
    typed = indented;
    text += line.empty() ? ".PP\n" : Roff(indented ? line.substr(2) : line) + "\n";
  }
  return text + (typed ? ".RE\n.fi\n" : "");
}

}  // namespace

std::string ManualPage(const Command& tree) {
  std::string text =
      fmt::format(".TH WEIR 1 \"\" \"weir {}\" \"User Commands\"\n.SH NAME\nweir \\- a model server\n", kVersion);
  text += ".SH SYNOPSIS\n";
  for (const Command* command : Flatten(tree)) {
    if (!IsGroup(*command)) text += Usage(*command) + ".br\n";
  }
  text += ".SH DESCRIPTION\n" + Roff(tree.help) + "\n";
  text += ".SH OPTIONS\n" + Options(tree) + ".SH COMMANDS\n";
  for (const Command* command : Flatten(tree)) {
    if (command->path.size() == 1 || IsGroup(*command)) continue;
    text += fmt::format(".SS {}\n{}\n.PP\n{}", fmt::join(command->path, " "), Roff(command->help), Usage(*command));
    text += Options(*command) + ".PP\n" + Footer(command->footer);
  }
  text += ".SH EXIT STATUS\n";
  for (const ExitMeaning& exit : kExitMeanings)
    text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", exit.code, Roff(exit.meaning));
  text += ".SH ENVIRONMENT\nEach setting of a server can be given as a variable.\n";
  for (const app::OptionInfo& option : app::ListOptions()) {
    text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", option.environment, Roff(option.help));
  }
  return text + ".TP\n\\fBNO_COLOR\\fR\nno colours on a terminal either\n";
}

}  // namespace weir::cli
