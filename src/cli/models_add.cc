// `weir models add`: a folder of one's own into the models folder.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <filesystem>
#include <utility>

#include "app/folder_hints.h"
#include "app/pull_plan.h"
#include "cli/commands.h"
#include "cli/fail.h"
#include "cli/models.h"
#include "model/onnx_files.h"

namespace weir::cli {
namespace {

struct AddFlags {
  std::string path;
  std::string name;
  std::string file;
  bool copy = false;
};

// What would be served of the folder, or the end of the command.
app::PullPlan Check(const std::filesystem::path& folder, const std::string& file) {
  const Result<std::vector<std::string>> files = ListModelFiles(folder);
  QuitUnless(files);
  Result<app::PullPlan> plan = app::PlanPull(*files, file);
  if (!plan) {
    Quit({plan.error().code,
          fmt::format("{} {}{}", folder.string(), plan.error().message, app::ConverterHint(folder, *files))});
  }
  if (plan->graph.file.empty()) Quit({Code::kInvalidArgument, app::ConverterHint(folder, *files).substr(2)});
  return std::move(*plan);
}

void Add(const AddFlags& flags, const ModelsFlags& shared) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::canonical(flags.path, error);
  if (error || !std::filesystem::is_directory(folder, error)) {
    Quit({Code::kNotFound, fmt::format("there is no model folder {}", flags.path)});
  }
  const app::PullPlan plan = Check(folder, flags.file);
  const std::string name = flags.name.empty() ? folder.filename().string() : flags.name;
  const app::ModelStore store = shared.Store();
  if (flags.copy) {
    QuitUnless(store.PlaceCopy(name, folder, plan.files));
  } else if (flags.file.empty()) {
    QuitUnless(store.PlaceLink(name, folder));
  } else {
    QuitUnless(store.PlaceFiles(name, folder, plan.files));
  }
  fmt::print("{} is {} {}, graph {} ({})\n", store.PathOf(name).string(), flags.copy ? "a copy of" : "a link to",
             folder.string(), plan.graph.file, plan.graph.why);
  if (plan.graph.lossy) fmt::print(stderr, "weir: the answers of {} differ from the reference's\n", plan.graph.file);
}

}  // namespace

void AddModelsAdd(CLI::App& models, std::shared_ptr<const ModelsFlags> shared) {
  CLI::App* command = models.add_subcommand("add", "Link a model folder into the models folder, after a look at it");
  auto flags = std::make_shared<AddFlags>();
  command->add_option("path", flags->path, "A model folder")->required();
  command->add_option("--name", flags->name, "What it is called here (default: the folder's name)");
  command->add_option("--file", flags->file, "The graph to take, over the order of choice");
  command->add_flag("--copy", flags->copy, "Copy what is needed instead of linking to it");
  command->footer("Example:\n  weir models add ./my-model --name mine");
  command->callback([flags, shared = std::move(shared)] { Add(*flags, *shared); });
}

}  // namespace weir::cli
