// `weir models pull`: a model from the hub into the models folder.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <utility>

#include "app/model_reference.h"
#include "app/pull_plan.h"
#include "cli/commands.h"
#include "cli/fail.h"
#include "cli/models.h"
#include "cli/pull_progress.h"

namespace weir::cli {
namespace {

struct PullFlags {
  std::string model;
  std::string revision;
  std::string file;
  std::string name;
};

hub::Reference ReferenceOf(const PullFlags& flags) {
  Result<hub::Reference> reference = hub::ParseReference(flags.model);
  QuitUnless(reference);
  if (flags.revision.empty()) return std::move(*reference);
  if (flags.model.find('@') != flags.model.npos) {
    Quit({Code::kInvalidArgument, "the revision is given twice: after '@' and with --revision"});
  }
  reference = hub::ParseReference(fmt::format("{}@{}", flags.model, flags.revision));
  QuitUnless(reference);
  return std::move(*reference);
}

void PrintOutcome(const app::HubModel& model) {
  const hub::Snapshot& snapshot = model.snapshot;
  if (!snapshot.offline.empty()) {
    fmt::print("taken from the cache, the hub was not reached: {}\n", snapshot.offline);
  } else if (snapshot.fetched_files == 0) {
    fmt::print("everything was in the cache already\n");
  } else {
    fmt::print("fetched {} files, {}\n", snapshot.fetched_files, BytesText(snapshot.fetched_bytes));
  }
}

void Pull(const PullFlags& flags, const ModelsFlags& shared) {
  const hub::Reference reference = ReferenceOf(flags);
  const std::string name = flags.name.empty() ? reference.ShortName() : flags.name;
  const app::ModelStore store = shared.Store();
  Result<app::HubModel> model = [&] {
    PullProgress progress;
    return app::FetchModel(reference, flags.file, progress, {});
  }();
  QuitUnless(model);
  PrintOutcome(*model);
  if (model->graph.empty()) {
    fmt::print("{} is in {}; make a model of it with\n  python3 tools/convert/convert_bert.py {} {}\n",
               app::kSafetensors, model->snapshot.folder.string(), model->snapshot.folder.string(),
               store.PathOf(name).string());
    return;
  }
  QuitUnless(store.PlaceFiles(name, model->snapshot.folder, model->snapshot.files));
  fmt::print("{} is {} at {}, graph {} ({})\n", store.PathOf(name).string(), reference.repository,
             model->snapshot.commit.substr(0, 12), model->graph, model->why);
  if (model->lossy) fmt::print(stderr, "weir: the answers of {} differ from the reference's\n", model->graph);
  fmt::print("serve it with: weir serve --models {}\n", shared.folder);
}

}  // namespace

void AddModelsPull(CLI::App& models, std::shared_ptr<const ModelsFlags> shared) {
  CLI::App* command = models.add_subcommand("pull", "Fetch a model from the hub, so that 'weir serve' serves it");
  auto flags = std::make_shared<PullFlags>();
  command->add_option("model", flags->model, "ORG/NAME, perhaps with @REVISION")->required();
  command->add_option("--revision", flags->revision, "Branch, tag or commit (default main)");
  command->add_option("--file", flags->file, "The graph to take, over the order of choice; or model.safetensors");
  command->add_option("--name", flags->name, "What it is called here (default NAME)");
  command->footer(
      "Only the files that Weir needs are fetched, into the cache that the hub's own tools use; DIR/NAME becomes a\n"
      "folder of links to them. A pull that was cut goes on where it stopped. Environment: HF_ENDPOINT, HF_TOKEN,\n"
      "HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE.\n\nExample:\n"
      "  weir models pull sentence-transformers/all-MiniLM-L6-v2 --name minilm");
  command->callback([flags, shared = std::move(shared)] { Pull(*flags, *shared); });
}

}  // namespace weir::cli
