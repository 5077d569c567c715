// `weir config`: the settings that would count, whether they are right, a file to begin with.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/config_flags.h"
#include "cli/exit_code.h"
#include "cli/fail.h"

namespace weir::cli {
namespace {

struct ShowFlags {
  ConfigFlags config;
  bool origin = false;
};

void Show(const ShowFlags& flags) {
  const Result<app::LoadedConfig> loaded = app::LoadConfig(SourcesOf(flags.config));
  QuitUnless(loaded);
  fmt::print("{}", app::ConfigYaml(*loaded, flags.origin));
}

void Check(const ConfigFlags& flags) {
  const std::vector<Error> problems = app::FindProblems(SourcesOf(flags));
  for (const Error& problem : problems) fmt::print(stderr, "weir: {}\n", problem.message);
  if (!problems.empty()) throw CLI::RuntimeError(kWrongUse);
  const Result<app::LoadedConfig> loaded = app::LoadConfig(SourcesOf(flags));
  QuitUnless(loaded);
  for (const std::string& unsafe : app::UnsafeSettings(loaded->config)) fmt::print(stderr, "warning: {}\n", unsafe);
  fmt::print("{}: no problem found\n", flags.file.empty() ? "environment" : flags.file);
}

struct InitFlags {
  std::string file = "weir.yaml";
  bool force = false;
};

void Init(const InitFlags& flags) {
  if (flags.file == "-") {
    fmt::print("{}", app::ConfigTemplate());
    return;
  }
  std::error_code ignored;
  if (!flags.force && std::filesystem::exists(std::filesystem::symlink_status(flags.file, ignored))) {
    Quit({Code::kConflict, fmt::format("{} is there already; --force replaces it", flags.file)});
  }
  std::ofstream out(flags.file);
  out << app::ConfigTemplate() << std::flush;
  if (!out) Quit({Code::kInvalidArgument, fmt::format("{} cannot be written", flags.file)});
  fmt::print("wrote {}; use it with: weir serve --config {}\n", flags.file, flags.file);
}

struct SchemaFlags {
  std::string file = "-";
};

void Schema(const SchemaFlags& flags) {
  if (flags.file == "-") {
    fmt::print("{}\n", app::ConfigSchema());
    return;
  }
  std::ofstream out(flags.file);
  out << app::ConfigSchema() << "\n" << std::flush;
  if (!out) Quit({Code::kInvalidArgument, fmt::format("{} cannot be written", flags.file)});
}

void AddShow(CLI::App& config) {
  CLI::App* command = config.add_subcommand("show", "Print the settings that count, as YAML");
  auto flags = std::make_shared<ShowFlags>();
  AddConfigFlags(*command, flags->config);
  command->add_flag("--origin", flags->origin, "Say where each value comes from");
  command->footer("Examples:\n  weir config show --origin\n  weir config show --profile production --set workers=2");
  command->callback([flags] { Show(*flags); });
}

void AddCheck(CLI::App& config) {
  CLI::App* command = config.add_subcommand("check", "Name everything that is wrong with the settings");
  auto flags = std::make_shared<ConfigFlags>();
  command->add_option("file", flags->file, "YAML file with settings");
  command->add_option("--profile", flags->profile, "Sets of defaults, separated by ','")->type_name("NAMES");
  command->add_option("--set", flags->settings, "One setting")->type_name("KEY=VALUE");
  command->footer(
      "Warnings are of what is right, but lets in more than it should.\n"
      "Exit code 0: a server would start with them; 2: it would not, or a variable WEIR_… is no setting.\n\n"
      "Examples:\n  weir config check\n  weir config check --profile staging --set keys_file=keys.yaml");
  command->callback([flags] { Check(*flags); });
}

void AddInit(CLI::App& config) {
  CLI::App* command = config.add_subcommand("init", "Write a file with every setting, its default and its meaning");
  auto flags = std::make_shared<InitFlags>();
  command->add_option("file", flags->file, "Where to; '-' prints it")->capture_default_str();
  command->add_flag("--force", flags->force, "Replace a file that is there");
  command->footer("Examples:\n  weir config init\n  weir config init - | grep port");
  command->callback([flags] { Init(*flags); });
}

void AddSchema(CLI::App& config) {
  CLI::App* command = config.add_subcommand("schema", "Write the JSON Schema of a configuration, for editors");
  auto flags = std::make_shared<SchemaFlags>();
  command->add_option("file", flags->file, "Where to; '-' prints it")->capture_default_str();
  command->footer(
      "An editor with a YAML language server completes a file whose first line is\n"
      "  # yaml-language-server: $schema=weir.schema.json\n\n"
      "Examples:\n  weir config schema | grep max_body");
  command->callback([flags] { Schema(*flags); });
}

}  // namespace

void AddConfig(CLI::App& program) {
  CLI::App* config = program.add_subcommand("config", "Show, check or begin a configuration");
  config->require_subcommand(1);
  config->footer("Examples:\n  weir config show --origin\n  weir config check\n  weir config init");
  AddShow(*config);
  AddCheck(*config);
  AddInit(*config);
  AddSchema(*config);
}

}  // namespace weir::cli
