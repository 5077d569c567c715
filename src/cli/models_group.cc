// `weir models`: what lies in the models folder.
#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/models.h"

namespace weir::cli {

void AddModels(CLI::App& program) {
  CLI::App* models = program.add_subcommand(
      "models", "Add, fetch, convert, list, inspect, profile and remove models; load and unload those of a server");
  auto flags = std::make_shared<ModelsFlags>();
  models->add_option("--models", flags->folder, "Folder whose sub-folders are models")->capture_default_str();
  models->require_subcommand(1);
  models->fallthrough();  // --models may stand after the command too
  AddModelsAdd(*models, flags);
  AddModelsPull(*models, flags);
  AddModelsConvert(*models);
  AddModelsList(*models, flags);
  AddModelsInspect(*models, flags);
  AddModelsProfile(*models, flags);
  AddModelsRemove(*models, flags);
  AddModelsLife(*models);
  models->footer(
      "Examples:\n"
      "  weir models pull sentence-transformers/all-MiniLM-L6-v2\n"
      "  weir models add ./my-model --name mine\n"
      "  weir models ls\n"
      "  weir models inspect mine\n"
      "  weir models profile mine\n"
      "  weir models rm mine\n"
      "  weir models reload minilm --url http://127.0.0.1:8000");
}

}  // namespace weir::cli
