// `weir models profile`: what runs of a model cost here, and what the server makes of it.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <utility>

#include "app/model_folder.h"
#include "app/profile_store.h"
#include "base/log.h"
#include "base/user_folders.h"
#include "cli/commands.h"
#include "cli/fail.h"
#include "cli/models.h"
#include "cli/pull_progress.h"
#include "codec/cost_json.h"
#include "engine/batch_policy.h"
#include "engine/profiler.h"
#include "model/onnx/onnx_backend.h"

namespace weir::cli {
namespace {

struct ProfileFlags {
  std::string model;
  std::string file;
  bool again = false;
  bool json = false;
  std::uint32_t longest = 512;
};

// How many of `waiting` texts of one length the server runs together.
std::size_t Taken(const CostModel& costs, std::uint32_t length, std::size_t waiting) {
  const std::vector<WaitingJob> jobs(waiting, {.length = length, .group = 1});
  BatchDecision decision;
  DecideBatch({}, costs, {.jobs = jobs, .workers = 1}, TimePoint(), decision);
  return decision.chosen.size();
}

void PrintTable(const CostTable& table, std::uint32_t longest) {
  CostModel costs;
  costs.Load(table);
  fmt::print(
      "\nTexts a second on one core, by the tokens of a text (down) and the texts of a run (across).\n"
      "[best], (estimated). Right: how many run together when so many wait.\n\n{:>6}",
      "tokens");
  for (const std::uint32_t batch : CostGrid::kBatches) fmt::print("{:>9} ", batch);
  fmt::print("  |{:>5}{:>5}{:>5}\n", "4", "16", "64");
  for (std::size_t place = 0; place < CostGrid::kLengths.size() && CostGrid::kLengths[place] <= longest; ++place) {
    const std::uint32_t length = CostGrid::kLengths[place];
    const auto rate = [&](std::uint32_t batch) { return batch / costs.Seconds(batch, length); };
    double best = 0;
    for (const std::uint32_t batch : CostGrid::kBatches) best = std::max(best, rate(batch));
    fmt::print("{:>6}", length);
    for (std::size_t column = 0; column < CostGrid::kBatches.size(); ++column) {
      const double here = rate(CostGrid::kBatches[column]);
      const bool measured = table.seconds[column][place] > 0;
      const std::string number = fmt::format("{:.{}f}", here, here < 100 ? 1 : 0);
      fmt::print("{:>10}", here == best ? "[" + number + "]" : measured ? number + " " : "(" + number + ")");
    }
    fmt::print("  |");
    for (const std::size_t waiting : {4U, 16U, 64U}) fmt::print("{:>5}", Taken(costs, length, waiting));
    fmt::print("\n");
  }
}

// Measures on this thread, which has the machine to itself as far as this program goes.
CostTable Measure(const Servable& servable, std::uint32_t longest) {
  const bool shows = isatty(STDERR_FILENO) != 0;
  ProfileOptions options{.budget = std::chrono::seconds(20), .longest = longest};
  options.on_cell = [shows](std::size_t batch, std::uint32_t length, double seconds) {
    if (shows) fmt::print(stderr, "\rmeasuring: {} tokens x {}: {:.2f} ms   ", length, batch, seconds * 1e3);
  };
  CostTable table;
  const bool done = Profiler(servable, options).Profile([](const Profiler::Run& run) { return run({}); }, table);
  if (shows) fmt::print(stderr, "\r{:60}\r", "");
  if (!done) {
    Quit({Code::kInvalidArgument,
          "the runs of this model are not measured: only text models run several jobs together"});
  }
  return table;
}

void Profile(const ProfileFlags& flags, const std::string& folder) {
  log::SetLevel(log::Level::kOff);
  PullProgress progress;
  Result<app::ModelSource> source = app::FindModel(flags.model, flags.file, {folder}, progress, {});
  QuitUnless(source);
  const std::unique_ptr<Backend> backend = MakeOnnxBackend({.copies = GraphCopiesFolder()});
  app::ModelFolders folders(*backend);
  const Result<std::string> name = folders.AddOne(std::move(*source));
  QuitUnless(name);
  app::ProfileStore store(folders, app::ProfileStore::ThisMachine());
  std::optional<CostTable> table = flags.again ? std::nullopt : store.Find(*name);
  const bool kept = table.has_value();
  if (!kept) {
    const auto servable = folders.Load(*name);
    QuitUnless(servable);
    table = Measure(**servable, flags.longest);
    store.Keep(*name, *table);
  }
  if (flags.json) {
    fmt::print("{}\n",
               codec::WriteCosts({.machine = app::ProfileStore::ThisMachine(), .model = *name, .table = *table}));
    return;
  }
  const std::filesystem::path file = store.FileOf(*name);
  fmt::print("{} on {}\n{} {}\n", *name, app::ProfileStore::ThisMachine(),
             kept ? "measured before, in" : "measured now, kept in",
             file.empty() ? "no file: neither the model's folder nor the cache can be written" : file.string());
  PrintTable(*table, flags.longest);
}

}  // namespace

void AddModelsProfile(CLI::App& models, std::shared_ptr<const ModelsFlags> shared) {
  CLI::App* command =
      models.add_subcommand("profile", "Measure what runs of a model cost here; show which batches pay");
  auto flags = std::make_shared<ProfileFlags>();
  command->add_option("model", flags->model, "A model folder, the name of one under --models, or hf:ORG/NAME")
      ->required();
  command->add_option("--file", flags->file, "The graph to take, over the order of choice");
  command->add_option("--longest", flags->longest, "Longest text that is measured, in tokens")
      ->check(CLI::Range(8, 8192))
      ->capture_default_str();
  command->add_flag("--again", flags->again, "Measure anew, also when a measurement is kept");
  command->add_flag("--json", flags->json, "The table as JSON: seconds of processor time of a run");
  command->footer(
      "The server measures by itself while it has nothing to do (batch.measure), and uses what is kept.\n\n"
      "Example:\n  weir models profile minilm --longest 64");
  command->callback([flags, shared] { Profile(*flags, shared->folder); });
}

}  // namespace weir::cli
