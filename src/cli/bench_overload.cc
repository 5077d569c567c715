// `weir bench overload`: a server that gets more than it can do.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <memory>

#include "cli/bench.h"
#include "cli/commands.h"
#include "cli/fail.h"
#include "cli/file_limit.h"
#include "load/overload_report.h"
#include "load/process_usage.h"

namespace weir::cli {
namespace {

constexpr std::size_t kBodies = 64;

struct OverloadFlags {
  BenchFlags bench;
  std::vector<double> factors = {1.5, 3, 10};
  std::string deadline = "500ms";
  std::string duration = "10s";
  std::size_t max_in_flight = 4096;
  std::size_t clients = 200;
  std::optional<double> capacity;
  bool exact = false;
  bool no_probes = false;
  std::optional<int> pid;
};

load::OverloadPlan PlanOf(const OverloadFlags& flags, load::Report& facts) {
  load::OverloadPlan plan;
  plan.deadline = DurationOf("--deadline", flags.deadline);
  plan.duration = DurationOf("--duration", flags.duration);
  plan.warmup = DurationOf("--warmup", flags.bench.warmup);
  Refuse(plan.deadline < std::chrono::milliseconds(1), "--deadline must be at least 1ms");
  Refuse(plan.duration <= Duration::zero(), "--duration must be longer than nothing");
  plan.connections = flags.bench.connections.value_or(0);
  plan.known_capacity = flags.capacity;
  plan.factors = flags.factors;
  plan.max_in_flight = flags.max_in_flight;
  plan.clients = flags.clients;
  plan.exact = flags.exact;
  plan.seed = flags.bench.seed;
  if (flags.pid) {
    const Result<double> there = load::CpuSecondsOf(*flags.pid);
    QuitUnless(there);
    plan.pid = *flags.pid;
  }
  BenchFlags bench = flags.bench;
  bench.infer_bodies = kBodies;
  Result<load::HttpLoad> capacity = RequestsFor(bench, facts);
  QuitUnless(capacity);
  plan.capacity = std::move(*capacity);
  QuitUnless(TryOne(plan.capacity));
  bench.deadline = plan.deadline;
  Result<load::HttpLoad> load = RequestsFor(bench, facts);
  QuitUnless(load);
  plan.load = std::move(*load);
  if (!flags.no_probes) plan.probes = load::FindProbePaths(plan.load.endpoint, plan.load.requests[0]);
  return plan;
}

void Overload(const OverloadFlags& flags) {
  RaiseFileLimit();
  std::signal(SIGPIPE, SIG_IGN);
  load::Report facts;
  load::DescribeHost(facts);
  const load::OverloadPlan plan = PlanOf(flags, facts);
  load::OverloadView view;
  Result<load::OverloadResult> result;
  const load::TextStyle style = StyleOf(STDERR_FILENO);
  RunWithProgress([&](std::stop_token stop) { result = load::MeasureOverload(plan, view, stop); },
                  [&] { return load::OverloadLine(view.Look(Clock::Steady().Now()), style); });
  QuitUnless(result);
  if (!flags.bench.json.empty()) WriteJson(flags.bench.json, load::WriteOverload(facts, plan, *result));
  if (flags.bench.json != "-") {
    fmt::print("{}", load::OverloadTable(facts, plan, *result, StyleOf(STDOUT_FILENO)));
  }
  std::fflush(stdout);
}

void AddFlags(CLI::App& command, OverloadFlags& flags) {
  const auto at_once = CLI::Range(std::size_t{1}, std::size_t{100'000});
  BenchFlags& bench = flags.bench;
  command.add_option("target", bench.target, "URL of a server: Weir, or any that speaks the Open Inference Protocol")
      ->required();
  command.add_option("--model", bench.model, "Model of the server (default: the only one)");
  command.add_option("--door", bench.door,
                     "embeddings, classify or infer (default: by the model's task; infer on other servers)");
  command.add_option("--factors", flags.factors, "Multiples of the capacity to offer")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(0.01, 1000.0))
      ->default_str("1.5,3,10");
  command.add_option("--deadline", flags.deadline, "When a client gives up; the server is told")->capture_default_str();
  command.add_option("--duration", flags.duration, "Measured time of each part")->capture_default_str();
  command.add_option("--warmup", bench.warmup, "Load before the measured time of each part")->capture_default_str();
  command
      .add_option("--connections", bench.connections,
                  "Callers at once for the capacity (default: the best of 64, 32, 16 and 8)")
      ->check(at_once);
  command.add_option("--capacity", flags.capacity, "The capacity in answers a second, instead of finding it")
      ->check(CLI::Range(0.001, 1e7));
  command.add_option("--clients", flags.clients, "Clients of the closed loops that are refused; 0 leaves these out")
      ->check(CLI::Range(std::size_t{0}, std::size_t{100'000}))
      ->capture_default_str();
  command.add_flag("--exact", flags.exact, "Polite clients wait 'retry_after_ms' of the error, not Retry-After");
  command.add_option("--max-in-flight", flags.max_in_flight, "Most requests at once")
      ->check(at_once)
      ->capture_default_str();
  command.add_flag("--no-probes", flags.no_probes, "Do not ask for health and metrics meanwhile");
  command.add_option("--pid", flags.pid, "Process of the server on this machine, for its CPU time");
}

void AddInputFlags(CLI::App& command, BenchFlags& flags) {
  command.add_option("--lengths", flags.lengths,
                     "Words of a text: fixed:18, uniform:8-16 or (the default) lognormal:median=18,p95=100,max=300");
  command.add_option("--texts", flags.texts, "File with one text a line, or NDJSON with 'text' or 'input'");
  command.add_option("--batch", flags.batch, "Texts in one request (default 1)")->check(CLI::Range(1, 100'000));
  command.add_flag("--truncate", flags.truncate, "Have texts cut that are over the model's limit");
  command.add_option("--shape", flags.shapes, "Sizes of tensors: 1,16 or NAME=1,16 (default: 1 where it is open)");
  command.add_option("--header", flags.headers, "NAME:VALUE to send (may be repeated)");
  command.add_option("--seed", flags.seed, "Of arrivals, texts and tensors")->capture_default_str();
  command.add_option("--threads", flags.threads, "Threads that drive the connections (default 1)")
      ->check(CLI::Range(1, 64));
  command.add_option("--json", flags.json, "Write the result to this file; '-' is stdout, in place of the table");
}

}  // namespace

void AddBenchOverload(CLI::App& bench) {
  CLI::App* command = bench.add_subcommand(
      "overload", "Find a server's capacity, offer multiples of it, and show what is answered in time");
  auto flags = std::make_shared<OverloadFlags>();
  AddFlags(*command, *flags);
  AddInputFlags(*command, flags->bench);
  command->footer(
      "Open loops (random arrivals, latency from when a request was due), then closed loops of clients that wait as\n"
      "Retry-After says, and of clients that ask again at once. Ctrl-C shows what there is.\n\nExamples:\n"
      "  weir bench overload http://127.0.0.1:8000 --model minilm --factors 1.5,3 --warmup 100ms --duration 30s\n"
      "  weir bench overload http://127.0.0.1:8000 --model identity --door infer --connections 8 --factors 1.5 "
      "--clients 0");
  command->callback([flags] { Overload(*flags); });
}

}  // namespace weir::cli
