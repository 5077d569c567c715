#include "cli/model_argument.h"

#include <CLI/CLI.hpp>

#include <utility>

#include "app/model_reference.h"
#include "cli/fail.h"
#include "cli/pull_progress.h"

namespace weir::cli {

void AddModelFlags(CLI::App& command, ModelFlags& flags) {
  command.add_option("model", flags.model, "A model folder, the name of one under --models, or hf:ORG/NAME")
      ->required()
      ->type_name("");
  command.add_option("--models", flags.models, "Folder whose sub-folders are models")
      ->capture_default_str()
      ->type_name("DIR");
  command.add_option("--file", flags.file, "The graph to take, over the order of choice")->type_name("FILE");
}

std::string AddModel(app::Core& core, const ModelFlags& flags) {
  PullProgress progress;
  Result<app::ModelSource> source = app::FindModel(flags.model, flags.file, {flags.models}, progress, {});
  QuitUnless(source);
  const Result<std::string> name = core.folders.AddOne(std::move(*source));
  QuitUnless(name);
  return *name;
}

}  // namespace weir::cli
