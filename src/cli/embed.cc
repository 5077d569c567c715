// `weir embed`: the vectors of a file of texts.
#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.h"
#include "cli/dataset.h"

namespace weir::cli {
namespace {

struct EmbedFlags {
  DatasetTask task;
  DatasetFlags files;
};

}  // namespace

void AddEmbed(CLI::App& program) {
  CLI::App* command = program.add_subcommand("embed", "Write the vectors of the texts in files");
  auto flags = std::make_shared<EmbedFlags>();
  AddModelFlags(*command, flags->task.model);
  command->add_option("files", flags->task.inputs, "Files of texts; '-' (the default) is standard input")
      ->type_name("");
  AddDatasetFlags(*command, flags->files);
  command->add_flag("--truncate", flags->task.truncate, "Cut texts that are over the model's limit");
  command->footer(
      "Reads lines, JSON lines and CSV; writes .npy, NDJSON or CSV. As weir predict: in order, on all cores, in\n"
      "bounded memory, and --resume goes on after a cut. Exit code 3: some texts could not be answered; their rows\n"
      "are NaN in .npy.\n\n"
      "Examples:\n"
      "  printf 'first text\\nsecond text\\n' | weir embed models/minilm -o vectors.npy --force\n"
      "  printf 'first text\\n' | weir embed models/minilm --format csv");
  command->callback([flags] {
    if (flags->task.inputs.empty()) flags->task.inputs = {"-"};
    flags->task.vectors_only = true;
    RunDataset(flags->task, flags->files);
  });
}

}  // namespace weir::cli
