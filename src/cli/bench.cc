// `weir bench`: a load on a server or a model, measured.
#include "cli/bench.h"

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <csignal>
#include <fstream>
#include <iterator>
#include <memory>

#include "cli/commands.h"
#include "cli/fail.h"
#include "cli/file_limit.h"
#include "load/compare.h"
#include "load/table.h"

namespace weir::cli {
namespace {

constexpr std::size_t kMostAtOnce = 100'000;

load::LoadOptions LoadOf(const BenchFlags& flags) {
  Refuse(flags.rate && flags.connections, "--connections is for a closed loop; with --rate it is --max-in-flight");
  Refuse(!flags.rate && flags.max_in_flight, "--max-in-flight is for an open loop; give --rate, or --connections");
  Refuse(flags.duration && flags.requests, "--duration and --requests do not go together");
  load::LoadOptions load;
  load.rate = flags.rate.value_or(0);
  load.in_flight = flags.rate ? flags.max_in_flight.value_or(256) : flags.connections.value_or(16);
  if (flags.duration) load.duration = DurationOf("--duration", *flags.duration);
  load.requests = flags.requests.value_or(0);
  load.warmup = DurationOf("--warmup", flags.warmup);
  load.timeout = DurationOf("--timeout", flags.timeout);
  load.seed = flags.seed;
  Refuse(load.duration <= Duration::zero(), "--duration must be longer than nothing");
  Refuse(load.timeout <= Duration::zero(), "--timeout must be longer than nothing");
  return load;
}

bool IsUrl(const std::string& target) {
  std::error_code ignored;
  if (std::filesystem::exists(target, ignored)) return false;
  if (target.find("://") != std::string::npos) return true;
  const std::size_t colon = target.rfind(':', target.find('/'));  // host:8000, [::1]:8000
  return colon != std::string::npos && target.substr(colon + 1, 1).find_first_of("0123456789") == 0;
}

Result<load::Summary> RunLoad(const BenchTarget& target, const load::LoadOptions& options) {
  load::Pacer pacer(options, Clock::Steady().Now());
  const load::TextStyle style = StyleOf(STDERR_FILENO);
  Status driven;
  RunWithProgress([&](std::stop_token stop) { driven = target.drive(pacer, std::move(stop)); },
                  [&] { return load::ProgressLine(pacer.progress(Clock::Steady().Now()), style); });
  if (!driven) return Forward(driven);
  return pacer.Finish();
}

void Bench(const BenchFlags& flags) {
  Refuse(flags.target.empty(), "say what to drive: a URL such as http://127.0.0.1:8000, or a model");
  Refuse(flags.plot && flags.no_plot, "--plot and --no-plot do not go together");
  const load::LoadOptions options = LoadOf(flags);
  RaiseFileLimit();
  std::signal(SIGPIPE, SIG_IGN);
  Result<BenchTarget> target = IsUrl(flags.target) ? PrepareServer(flags) : PrepareModel(flags);
  QuitUnless(target);
  load::Report& report = target->facts;
  report.load = options;
  load::DescribeHost(report);
  Result<load::Summary> summary = RunLoad(*target, options);
  QuitUnless(summary);
  report.summary = std::move(*summary);
  const load::TextStyle style = StyleOf(STDOUT_FILENO);
  if (!flags.json.empty()) WriteJson(flags.json, load::WriteReport(report));
  if (flags.json != "-") {
    fmt::print("{}", load::ResultTable(report, style));
    const bool plot = flags.plot || (!flags.no_plot && isatty(STDOUT_FILENO) != 0);
    if (plot) fmt::print("{}", load::ResultPlot(report.summary, style));
  }
  std::fflush(stdout);
  if (report.summary.succeeded > 0) return;
  std::string why = "none was answered in time";
  if (!report.summary.errors.empty()) {
    const auto& [name, error] = *report.summary.errors.begin();
    why = fmt::format("{} x {} ({})", error.count, name, error.example);
  }
  Quit({Code::kUnavailable, fmt::format("not one of {} requests succeeded: {}", report.summary.requests, why)});
}

load::Report ReadReport(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) Quit({Code::kNotFound, fmt::format("{} cannot be read", file)});
  const std::string json(std::istreambuf_iterator<char>(in), {});
  Result<load::Report> report = load::ParseReport(json);
  if (!report)
    Quit({Code::kInvalidArgument, fmt::format("{} is no result of weir bench: {}", file, report.error().message)});
  return std::move(*report);
}

void AddLoadFlags(CLI::App& command, BenchFlags& flags) {
  const auto at_once = CLI::Range(std::size_t{1}, kMostAtOnce);
  command.add_option("--connections", flags.connections, "Closed loop: callers at once (default 16)")->check(at_once);
  command.add_option("--rate", flags.rate, "Open loop: requests a second, at random moments")
      ->check(CLI::Range(0.001, 1e7));
  command.add_option("--max-in-flight", flags.max_in_flight, "Open loop: most requests at once (default 256)")
      ->check(at_once);
  command.add_option("--duration", flags.duration, "Measured time (default 10s)");
  command.add_option("--requests", flags.requests, "End after this many requests instead")->check(CLI::PositiveNumber);
  command.add_option("--warmup", flags.warmup, "Load before the measured time")->capture_default_str();
  command.add_option("--timeout", flags.timeout, "Give up a request after this time")->capture_default_str();
  command.add_option("--seed", flags.seed, "Of arrivals, texts and tensors")->capture_default_str();
  command.add_option("--threads", flags.threads, "Threads that drive the connections (default 1)")
      ->check(CLI::Range(1, 64));
}

void AddInputFlags(CLI::App& command, BenchFlags& flags) {
  command.add_option("--model", flags.model, "Model of the server (default: the only one)");
  command.add_option("--door", flags.door, "embeddings, classify or infer (default: by the model's task)");
  command.add_option("--lengths", flags.lengths,
                     "Words of a text: fixed:18, uniform:8-16 or (the default) lognormal:median=18,p95=100,max=300");
  command.add_option("--texts", flags.texts, "File with one text a line, or NDJSON with 'text' or 'input'");
  command.add_option("--batch", flags.batch, "Texts in one request (default 1)")->check(CLI::Range(1, 100'000));
  command.add_flag("--truncate", flags.truncate, "Have texts cut that are over the model's limit");
  command.add_option("--shape", flags.shapes, "Sizes of tensors: 1,16 or NAME=1,16 (default: 1 where it is open)");
  command.add_option("--path", flags.path, "Send this path as it is: GET, or POST with --body");
  command.add_option("--body", flags.body, "File with the body to send");
  command.add_option("--header", flags.headers, "NAME:VALUE to send (may be repeated)");
  command.add_option("--models", flags.models, "Folder whose sub-folders are models")->capture_default_str();
  command.add_option("--set", flags.settings, "One setting as KEY=VALUE, for a model in this process");
}

}  // namespace

void AddBench(CLI::App& program) {
  CLI::App* command = program.add_subcommand("bench", "Put a load on a server or a model, and measure it");
  auto flags = std::make_shared<BenchFlags>();
  command->add_option("target", flags->target,
                      "URL of a server; or a model folder, the name of one under --models, or hf:ORG/NAME");
  AddLoadFlags(*command, *flags);
  AddInputFlags(*command, *flags);
  command->add_option("--json", flags->json, "Write the result to this file; '-' is stdout, in place of the table");
  command->add_flag("--plot", flags->plot, "Draw the distribution even when stdout is no terminal");
  command->add_flag("--no-plot", flags->no_plot, "Do not draw it");
  command->add_option("--compare", flags->compare, "Compare the results in two files, and run nothing")->expected(2);
  command->footer(
      "Ctrl-C ends the run early and shows what there is.\n\nExamples:\n"
      "  weir bench http://127.0.0.1:8000 --model minilm --connections 64\n"
      "  weir bench http://127.0.0.1:8000 --model minilm --rate 100 --duration 30s --json a.json\n"
      "  weir bench models/minilm --lengths uniform:8-16\n"
      "  weir bench --compare a.json b.json");
  AddBenchOverload(*command);
  AddBenchChurn(*command);
  command->callback([flags, command] {
    if (!command->get_subcommands().empty()) return;  // that one does it
    if (flags->compare.empty()) return Bench(*flags);
    Refuse(!flags->target.empty(), "--compare reads two files; it takes no target");
    const load::Report a = ReadReport(flags->compare[0]);
    const load::Report b = ReadReport(flags->compare[1]);
    fmt::print("{}", load::CompareReports(a, flags->compare[0], b, flags->compare[1], StyleOf(STDOUT_FILENO)));
  });
}

}  // namespace weir::cli
