// The program `weir`.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "base/nearest.h"
#include "base/version.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "model/onnx/onnx_backend.h"

namespace {

std::string Footer() {
  std::string footer =
      "Examples:\n"
      "  weir serve --models models --port 8000\n"
      "  weir predict models/sentiment \"What a lovely day.\"\n"
      "  weir doctor --models models --set server.port=0\n\n"
      "Exit codes:\n";
  for (const weir::cli::ExitMeaning& exit : weir::cli::kExitMeanings) {
    footer += fmt::format("  {:<8} {}\n", exit.code, exit.meaning);
  }
  footer.pop_back();
  return footer;
}

// The command that was reached before the command line went wrong.
const CLI::App& Deepest(const CLI::App& program) {
  const CLI::App* deepest = &program;
  while (!deepest->get_subcommands().empty()) deepest = deepest->get_subcommands().front();
  return *deepest;
}

// " (did you mean …?)" for the first word that nothing takes.
std::string Suggestion(const CLI::App& command, const std::string& word) {
  std::vector<std::string> known;
  if (word.starts_with("-")) {
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
  } else {
    for (const CLI::App* below : command.get_subcommands([](const CLI::App*) { return true; })) {
      known.push_back(below->get_name());
    }
  }
  return weir::DidYouMean(word.substr(0, word.find('=')), known);
}

// Every option of every command gets its values as they were written.
void Unguard(CLI::App& command) {
  for (CLI::Option* option : command.get_options([](const CLI::Option*) { return true; })) {
    option->transform([](std::string value) { return weir::cli::Unguarded(std::move(value)); }, "");
  }
  for (CLI::App* below : command.get_subcommands([](CLI::App*) { return true; })) Unguard(*below);
}

int Refuse(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App& command = Deepest(program);
  std::vector<std::string> unknown = program.remaining(true);
  for (std::string& word : unknown) word = weir::cli::Unguarded(std::move(word));
  std::string what = error.what();
  if (!unknown.empty()) {
    what = fmt::format("unknown {} '{}'{}", unknown[0].starts_with("-") ? "flag" : "command or argument", unknown[0],
                       Suggestion(command, unknown[0]));
  }
  std::string path = "weir";
  if (&command != &program)
    path += " " + (command.get_parent() == &program ? "" : command.get_parent()->get_name() + " ") + command.get_name();
  fmt::print(stderr, "weir: {}; see {} --help\n", what, path);
  return weir::cli::kWrongUse;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App program("Weir serves models: one process, one copy of the weights, every request with a deadline.", "weir");
  program.set_version_flag(
      "--version", [] { return fmt::format("weir {} (ONNX Runtime {})", weir::kVersion, weir::OnnxRuntimeVersion()); });
  program.footer(Footer());
  program.require_subcommand(1);
  weir::cli::AddServe(program);
  weir::cli::AddPredict(program);
  weir::cli::AddEmbed(program);
  weir::cli::AddSentiment(program);
  weir::cli::AddForecast(program);
  weir::cli::AddModels(program);
  weir::cli::AddBench(program);
  weir::cli::AddConfig(program);
  weir::cli::AddDoctor(program);
  weir::cli::AddKeys(program);
  weir::cli::AddOptions(program);
  weir::cli::AddScripts(program);
  Unguard(program);
  try {
    program.parse(weir::cli::GuardedArguments(argc, argv));
  } catch (const CLI::RuntimeError& error) {  // a command that failed and has said why
    return error.get_exit_code();
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? program.exit(error) : Refuse(program, error);  // 0: --help, --version
  }
  return weir::cli::kDone;
}
