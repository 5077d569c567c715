// `weir doctor`: is this machine fit to serve?
#include "app/doctor.h"

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/machine.h"
#include "cli/commands.h"
#include "cli/config_flags.h"
#include "cli/exit_code.h"
#include "cli/terminal.h"
#include "codec/json_writer.h"

namespace weir::cli {
namespace {

using app::Finding;
using app::Health;

struct DoctorFlags {
  ConfigFlags config;
  std::vector<std::string> models;
  bool deep = false;
  bool json = false;
};

std::vector<Finding> Examine(const DoctorFlags& flags) {
  app::ConfigSources sources = SourcesOf(flags.config);
  for (const std::string& folder : flags.models) sources.flags.push_back({"models", folder, "--models"});
  std::vector<Finding> all;
  for (const Error& problem : app::FindProblems(sources)) {
    all.push_back({"settings", Health::kFail, problem.message, "see 'weir config check' and 'weir options'"});
  }
  // With broken settings the rest is examined against the defaults.
  app::Config config;
  if (all.empty()) {
    config = app::LoadConfig(sources)->config;
    all.push_back({"settings", Health::kOk, flags.config.file.empty() ? "no file" : flags.config.file, ""});
  }
  const auto add = [&](const std::vector<Finding>& some) { std::ranges::copy(some, std::back_inserter(all)); };
  add(app::ExamineMachine(ThisMachine(), CpuFeatures(), config));
  add(app::ExamineRuntime());
  std::ranges::move(app::ExamineAddresses(config), std::back_inserter(all));
  add(app::ExamineSafety(config));
  all.push_back(app::ExamineCache());
  add(app::ExamineModels(config, flags.deep));
  return all;
}

void PrintLines(const std::vector<Finding>& findings) {
  const bool colours = Colours(STDOUT_FILENO);
  const auto paint = [](Health health) {
    return health == Health::kOk ? Paint::kGreen : health == Health::kWarn ? Paint::kYellow : Paint::kRed;
  };
  for (const Finding& finding : findings) {
    fmt::print("{}{:<4}{}  {:<16} {}\n", colours ? Begin(paint(finding.health)) : "", HealthName(finding.health),
               colours ? kEnd : "", finding.subject, finding.text);
    if (!finding.advice.empty()) fmt::print("      {:<16} -> {}\n", "", finding.advice);
  }
}

void PrintJson(const std::vector<Finding>& findings) {
  codec::JsonWriter json;
  json.BeginObject().Key("checks").BeginArray();
  for (const Finding& finding : findings) {
    json.BeginObject().Key("subject").String(finding.subject).Key("health").String(HealthName(finding.health));
    json.Key("text").String(finding.text);
    if (!finding.advice.empty()) json.Key("advice").String(finding.advice);
    json.EndObject();
  }
  fmt::print("{}\n", json.EndArray().EndObject().Take());
}

void Doctor(const DoctorFlags& flags) {
  log::SetLevel(log::Level::kOff);
  const std::vector<Finding> findings = Examine(flags);
  flags.json ? PrintJson(findings) : PrintLines(findings);
  const bool failed = std::ranges::any_of(findings, [](const Finding& f) { return f.health == Health::kFail; });
  if (failed) throw CLI::RuntimeError(kFailed);
}

}  // namespace

void AddDoctor(CLI::App& program) {
  CLI::App* command = program.add_subcommand("doctor", "Examine machine, settings and models before serving");
  auto flags = std::make_shared<DoctorFlags>();
  command->add_option("--models", flags->models, "Folder whose sub-folders are models (may be repeated)")
      ->type_name("DIR");
  AddConfigFlags(*command, flags->config);
  command->add_flag("--deep", flags->deep, "Load every model and run it once");
  command->add_flag("--json", flags->json, "Print JSON");
  command->footer(
      "Each line says ok, warn or fail, and what to do. Exit code 1: something fails.\n\n"
      "Examples:\n  weir doctor --set server.port=0\n  weir doctor --models models --deep --set server.port=0");
  command->callback([flags] { Doctor(*flags); });
}

}  // namespace weir::cli
