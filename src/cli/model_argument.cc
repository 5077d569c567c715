#include "cli/model_argument.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <filesystem>
#include <vector>

#include "base/nearest.h"
#include "cli/fail.h"

namespace weir::cli {

void AddModelFlags(CLI::App& command, ModelFlags& flags) {
  command.add_option("model", flags.model, "A model folder, or the name of one under --models")
      ->required()
      ->type_name("");
  command.add_option("--models", flags.models, "Folder whose sub-folders are models")
      ->capture_default_str()
      ->type_name("DIR");
}

std::string AddModel(app::Core& core, const ModelFlags& flags) {
  std::error_code ignored;
  const std::filesystem::path named = std::filesystem::path(flags.models) / flags.model;
  const bool is_path = std::filesystem::is_directory(flags.model, ignored);
  if (!is_path && !std::filesystem::is_directory(named, ignored)) {
    QuitUnless(core.folders.AddAll(flags.models));
    const std::vector<std::string> names = core.folders.Names();
    Quit({Code::kNotFound, fmt::format("there is no model '{}', neither as a folder nor under {}{}", flags.model,
                                       flags.models, DidYouMean(flags.model, names))});
  }
  const Result<std::string> name = core.folders.AddOne(is_path ? std::filesystem::path(flags.model) : named);
  QuitUnless(name);
  return *name;
}

}  // namespace weir::cli
