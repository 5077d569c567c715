#include "cli/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace weir::cli {
namespace {

// "config show" for `weir config show`; empty for `weir` itself.
std::string Below(const Command& command) {
  return fmt::format("{}", fmt::join(command.path.begin() + 1, command.path.end(), " "));
}

std::string Replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

// Inside single quotes of any shell that has them.
std::string Quoted(const std::string& text) { return "'" + Replaced(text, "'", "'\\''") + "'"; }

// Inside "[…]" within single quotes of zsh's _arguments.
std::string ZshHelp(std::string text) {
  for (const std::string_view special : {"\\", "[", "]", ":"})
    text = Replaced(text, special, "\\" + std::string(special));
  return Replaced(text, "'", "'\\''");
}

// The names of commands and flags that may come next.
std::string WordsAfter(const Command& command) {
  std::string words;
  const auto add = [&words](const std::string& word) { words += (words.empty() ? "" : " ") + word; };
  for (const Command& below : command.commands) add(below.path.back());
  for (const CommandOption& option : command.options) {
    if (!option.positional) std::ranges::for_each(option.names, add);
  }
  return words;
}

}  // namespace

std::string BashCompletion(const Command& tree) {
  std::string paths;
  std::string words;
  std::string values;
  for (const Command* command : Flatten(tree)) {
    const std::string path = Below(*command);
    if (!path.empty()) {
      const std::size_t space = path.rfind(' ');
      const std::string parent = space == std::string::npos ? "" : path.substr(0, space);
      paths += fmt::format("      \"{}:{}\") path=\"{}\" ;;\n", parent, command->path.back(), path);
    }
    words += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, WordsAfter(*command));
    for (const CommandOption& option : command->options) {
      if (option.positional || option.value.empty()) continue;
      for (const std::string& name : option.names) {
        values +=
            fmt::format("    \"{}:{}\") words=\"{}\"; values=yes ;;\n", path, name, fmt::join(option.choices, " "));
      }
    }
  }
  return fmt::format(R"(# bash completion for weir; load it with: source <(weir completion bash)
_weir() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} path="" word words="" values=""
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$path:$word" in
{}    esac
  done
  case "$path" in
{}  esac
  case "$path:$previous" in
{}  esac
  # Where nothing of ours fits, the shell completes names of files.
  if [ -n "$values" ] || [ -n "$current" ] || [ -z "$path" ] || [ "$path" = config ] || [ "$path" = completion ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    COMPREPLY=()
  fi
}}
complete -o default -o bashdefault -F _weir weir
)",
                     paths, words, values);
}

namespace {

std::string ZshArguments(const Command& command) {
  std::string text = "  _arguments -s -S \\\n";
  for (const CommandOption& option : command.options) {
    if (option.positional) continue;
    for (const std::string& name : option.names) {
      text += fmt::format("    '{}{}[{}]", option.many ? "*" : "", name, ZshHelp(option.help));
      if (!option.value.empty()) {
        text += fmt::format(":{}:{}", ZshHelp(option.value),
                            option.choices.empty() ? "_files" : fmt::format("({})", fmt::join(option.choices, " ")));
      }
      text += "' \\\n";
    }
  }
  return text;
}

}  // namespace

// A function for each command: zsh's _arguments hands over to the one below.
std::string ZshCompletion(const Command& tree) {
  std::string text = "#compdef weir\n# zsh completion for weir; put it into a folder of $fpath as _weir\n";
  for (const Command* command : Flatten(tree)) {
    const std::string function = "_" + fmt::format("{}", fmt::join(command->path, "_"));
    text += "\n" + (command->path.size() == 1 ? std::string("_weir_main") : function) + "() {\n";
    if (command->commands.empty()) {
      text += ZshArguments(*command) + "    '*:file:_files'\n}\n";
      continue;
    }
    text +=
        "  local context state line\n" + ZshArguments(*command) + "    '1:command:->command' '*::argument:->rest'\n";
    text += "  case $state in\n    command)\n      local -a commands=(\n";
    std::string rest;
    for (const Command& below : command->commands) {
      text += fmt::format("        {}\n", Quoted(below.path.back() + ":" + Replaced(below.help, ":", "\\:")));
      rest += fmt::format("        {}) {}_{} ;;\n", below.path.back(), function, below.path.back());
    }
    text += "      )\n      _describe command commands ;;\n    rest)\n      case $line[1] in\n" + rest +
            "      esac ;;\n  esac\n}\n";
  }
  return text + "\nif [ \"$funcstack[1]\" = _weir ]; then _weir_main \"$@\"; else compdef _weir_main weir; fi\n";
}

std::string FishCompletion(const Command& tree) {
  std::string text = "# fish completion for weir; load it with: weir completion fish | source\n";
  for (const Command* command : Flatten(tree)) {
    // A command's own flags: all names of its path are there, and none of those below it.
    std::string when = command->path.size() == 1 ? "__fish_use_subcommand" : "true";
    for (std::size_t i = 1; i < command->path.size(); ++i)
      when += "; and __fish_seen_subcommand_from " + command->path[i];
    std::string deepest = when;
    if (command->path.size() > 1 && !command->commands.empty()) {
      deepest += "; and not __fish_seen_subcommand_from";
      for (const Command& below : command->commands) deepest += " " + below.path.back();
    }
    for (const Command& below : command->commands) {
      text += fmt::format("complete -c weir -f -n {} -a {} -d {}\n", Quoted(deepest), below.path.back(),
                          Quoted(below.help));
    }
    for (const CommandOption& option : command->options) {
      if (option.positional) continue;
      text += fmt::format("complete -c weir -n {}", Quoted(deepest));
      for (const std::string& name : option.names) {
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (!option.value.empty()) text += " -r";
      if (!option.choices.empty())
        text += fmt::format(" -f -a {}", Quoted(fmt::format("{}", fmt::join(option.choices, " "))));
      text += fmt::format(" -d {}\n", Quoted(option.help));
    }
  }
  return text;
}

}  // namespace weir::cli
