#include "cli/dataset.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <utility>

#include "app/core.h"
#include "base/log.h"
#include "base/nearest.h"
#include "cli/exit_code.h"
#include "cli/fail.h"
#include "cli/interrupt.h"
#include "cli/progress_bar.h"
#include "dataset/run.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;
using dataset::InputFormat;
using dataset::OutputFormat;

// The name of a format by the ending of a file; empty when it says nothing.
std::string InputByName(const std::string& path) {
  const std::string ending = fs::path(path).extension().string();
  if (ending == ".jsonl" || ending == ".ndjson") return "jsonl";
  if (ending == ".csv") return "csv";
  if (ending == ".tsv") return "tsv";
  return "lines";
}

dataset::SplitOptions ReadInputFlags(const DatasetTask& task, const DatasetFlags& flags) {
  std::string format = flags.input_format;
  if (format.empty()) {
    format = InputByName(task.inputs.front());
    const auto other =
        std::ranges::find_if(task.inputs, [&](const std::string& p) { return InputByName(p) != format; });
    if (other != task.inputs.end()) {
      Quit({Code::kInvalidArgument, fmt::format("{} is {} and {} is {}: answer them one by one, or say --input-format",
                                                task.inputs.front(), format, *other, InputByName(*other))});
    }
  }
  dataset::SplitOptions split{.field = flags.field, .column = flags.column, .header = !flags.no_header};
  if (format == "jsonl") split.format = InputFormat::kJsonl;
  if (format == "csv" || format == "tsv") split.format = InputFormat::kCsv;
  if (format == "tsv") split.delimiter = '\t';
  return split;
}

OutputFormat ReadOutputFormat(const DatasetFlags& flags) {
  const std::string ending = fs::path(flags.output).extension().string();
  if (flags.format == "csv" || (flags.format.empty() && ending == ".csv")) return OutputFormat::kCsv;
  if (flags.format == "npy" || (flags.format.empty() && ending == ".npy")) return OutputFormat::kNpy;
  return OutputFormat::kNdjson;
}

// What must not change between a cut and going on.
dataset::RunIdentity Identify(const DatasetTask& task, const DatasetFlags& flags, const dataset::ModelFacts& model,
                              const dataset::SplitOptions& split) {
  dataset::RunIdentity identity{.facts = {}, .sample = model.sample};
  const auto add = [&](std::string name, std::string value) {
    identity.facts.emplace_back(std::move(name), std::move(value));
  };
  add("the model", task.model.model);
  add("--file", task.model.file);
  add("--top-k", std::to_string(task.top_k));
  add("--truncate", task.truncate ? "yes" : "no");
  add("the output's format", std::to_string(static_cast<int>(ReadOutputFormat(flags))));
  add("the input's format", std::to_string(static_cast<int>(split.format)));
  add("--field", split.format == InputFormat::kJsonl ? flags.field : "");
  add("--column", split.format == InputFormat::kCsv ? flags.column : "");
  add("--no-header", flags.no_header ? "yes" : "no");
  std::string inputs;
  for (const std::string& path : task.inputs) {
    std::error_code error;
    const fs::path whole = path == "-" ? fs::path(path) : fs::weakly_canonical(path, error);
    const std::uint64_t size = path == "-" ? 0 : fs::file_size(whole, error);
    inputs += fmt::format("{}{} ({} bytes)", inputs.empty() ? "" : ", ", whole.string(), error ? 0 : size);
  }
  add("the input", inputs);
  return identity;
}

app::Config Settings() {
  app::Config config;
  QuitUnless(app::LoadConfig({}, config));
  config.engine.deployment.measure_when_idle = false;  // what is known is used; it is never idle
  // Nobody waits for one line rather than another: the best company is taken, however often that passes an older one.
  config.engine.deployment.batch.max_overtaken = std::numeric_limits<std::uint32_t>::max();
  config.engine.deployment.batch.max_padded_length = 1024;  // larger batches gain nothing, and need memory
  // The windows of the run bound what is under way.
  const dataset::RunOptions windows;
  config.engine.deployment.admission.max_jobs = 4 * windows.window;
  config.engine.deployment.admission.max_bytes = std::uint64_t{64} * windows.window_bytes;
  return config;
}

// Reports what went wrong in a run that came to its end, or was stopped.
void Conclude(const dataset::RunReport& report, const DatasetFlags& flags, int signal) {
  if (report.stopped) {
    const bool can_resume = !flags.output.empty();
    fmt::print(stderr, "weir: stopped after {} records{}\n", report.progress.records,
               can_resume ? "; --resume goes on from there" : "");
    throw CLI::RuntimeError(kSignalled + signal);
  }
  if (report.progress.failed == 0) return;
  fmt::print(stderr, "weir: {} of {} records could not be answered", report.progress.failed, report.progress.records);
  if (report.first_failure) fmt::print(stderr, "; the first: {}", report.first_failure->message);
  fmt::print(stderr, "\n");
  throw CLI::RuntimeError(kSomeFailed);
}

// A flag with a closed list of values.
CLI::Option* AddChoice(CLI::App& command, const std::string& name, std::string& target,
                       const std::vector<std::string>& values, const std::string& help) {
  return command.add_option(name, target, help)
      ->check(CLI::IsMember(values).description(""))
      ->type_name(fmt::format("{}", fmt::join(values, "|")));
}

}  // namespace

void AddDatasetFlags(CLI::App& command, DatasetFlags& flags) {
  command.add_option("-o,--output", flags.output, "Where the answers go (default: standard output)")->type_name("FILE");
  AddChoice(command, "--format", flags.format, {"ndjson", "csv", "npy"},
            "Of the answers (default: by the output's name)");
  AddChoice(command, "--input-format", flags.input_format, {"lines", "jsonl", "csv", "tsv"},
            "Of the texts (default: by the input's name)");
  command.add_option("--field", flags.field, "Member of each JSON object that holds the text")->capture_default_str();
  command.add_option("--column", flags.column, "Column of the CSV that holds the text: its name")
      ->capture_default_str();
  command.add_flag("--no-header", flags.no_header, "The CSV has no header; --column is a number, from 1");
  AddChoice(command, "--on-error", flags.on_error, {"record", "fail"}, "What a text that cannot be answered becomes")
      ->capture_default_str();
  command.add_flag("--resume", flags.resume, "Go on with an output that was cut");
  command.add_flag("--force", flags.force, "Replace an output that is there")->excludes("--resume");
}

void RunDataset(const DatasetTask& task, const DatasetFlags& flags) {
  log::SetLevel(log::Level::kOff);
  if (flags.resume && flags.output.empty()) {
    Quit({Code::kInvalidArgument, "--resume goes on with a file: name it with --output"});
  }
  const dataset::SplitOptions split = ReadInputFlags(task, flags);
  const Interrupt interrupt;
  Metrics metrics;
  app::Core core(Settings(), metrics);
  const std::string name = AddModel(core, task.model);
  const Result<dataset::ModelFacts> model = dataset::AskModel(core.engine, core.texts, name);
  QuitUnless(model);
  const bool labels = model->task == TextTask::kClassification;
  if (labels && task.vectors_only) {
    Quit({Code::kInvalidArgument, fmt::format("model '{}' gives labels; use weir predict", name)});
  }
  if (!labels && task.top_k > 0) {
    Quit({Code::kInvalidArgument, fmt::format("--top-k is for labels; '{}' embeds", name)});
  }
  const auto format = dataset::MakeFormat(
      ReadOutputFormat(flags),
      {.width = model->width, .labels = labels ? model->labels : std::vector<std::string>(), .top_k = task.top_k});
  QuitUnless(format);
  const auto output =
      dataset::Output::Open({flags.output, flags.resume, flags.force}, **format, Identify(task, flags, *model, split));
  QuitUnless(output);
  Result<dataset::RunReport> report;
  {
    ProgressBar bar;
    dataset::DatasetRun run(core.texts,
                            {.model = name,
                             .task = model->task,
                             .top_k = task.top_k,
                             .truncate = task.truncate,
                             .inputs = task.inputs,
                             .split = split,
                             .fail_on_error = flags.on_error == "fail"},
                            **format, **output, [&bar](const dataset::RunView& view) { bar.Show(view); });
    report = run.Run(interrupt.token());
  }
  QuitUnless(report);
  Conclude(*report, flags, interrupt.signal());
}

}  // namespace weir::cli
