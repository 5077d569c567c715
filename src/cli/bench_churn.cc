// `weir bench churn`: models come and go at random while others use them.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <memory>
#include <random>

#include "cli/bench.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/fail.h"
#include "cli/file_limit.h"
#include "load/churn_report.h"
#include "load/job_counts.h"
#include "load/process_usage.h"

namespace weir::cli {
namespace {

constexpr std::size_t kRequests = 4096;  // of an operation, before the same come again
constexpr Duration kPatience = std::chrono::seconds(60);
// Models live a moment before the next one takes them down.
constexpr Duration kMostRest = std::chrono::milliseconds(20);

struct ChurnFlags {
  std::string target;
  std::vector<std::string> models;
  std::string duration = "30s";
  std::size_t infer = 4;
  std::size_t load = 2;
  std::size_t unload = 1;
  std::size_t reload = 1;
  std::size_t cancel = 1;
  std::vector<std::string> headers;
  std::uint64_t seed = 1;
  std::optional<int> pid;
  std::string json;
};

// What is asked of one model.
struct ModelRequests {
  std::vector<load::HttpRequest> uses;
  load::HttpRequest load;
  load::HttpRequest unload;
  load::HttpRequest reload;
  load::HttpRequest cancel;
};

BenchFlags FlagsFor(const ChurnFlags& flags, const std::string& model) {
  BenchFlags bench;
  bench.target = flags.target;
  bench.model = model;
  bench.headers = flags.headers;
  bench.seed = flags.seed;
  return bench;
}

// Loads the model, so that its inputs can be asked for.
Result<ModelRequests> PrepareOne(const ChurnFlags& flags, const load::Endpoint& endpoint, const std::string& model,
                                 const std::vector<std::pair<std::string, std::string>>& headers, load::Report& facts) {
  const auto post = [&](const std::string& path) {
    return load::HttpRequest{.method = "POST", .path = path, .headers = headers, .body = "{}"};
  };
  ModelRequests requests;
  requests.load = post(fmt::format("/v2/repository/models/{}/load", model));
  requests.unload = post(fmt::format("/v2/repository/models/{}/unload", model));
  requests.reload = post(fmt::format("/v1/models/{}/reload", model));
  requests.cancel = post(fmt::format("/v1/models/{}/cancel", model));
  const auto loaded = load::Fetch(endpoint, requests.load, kPatience);
  if (!loaded) return std::unexpected(loaded.error());
  if (loaded->status != 200) {
    return Fail(Code::kUnavailable, fmt::format("POST {} answered {}: {}", requests.load.path, loaded->status,
                                                loaded->body.substr(0, 300)));
  }
  Result<load::HttpLoad> uses = RequestsFor(FlagsFor(flags, model), facts);
  if (!uses) return Forward(uses);
  Status tried = TryOne(*uses);
  if (!tried) return Forward(tried);
  requests.uses = std::move(uses->requests);
  return requests;
}

// False when the server has no such route.
bool HasRoute(const load::Endpoint& endpoint, const load::HttpRequest& request) {
  const auto answer = load::Fetch(endpoint, request, kPatience);
  return answer && answer->status != 404 && answer->status != 405 && answer->status != 501;
}

using Pick = const load::HttpRequest& (*)(const ModelRequests& of, std::uint64_t number);

load::ChurnOperation Operation(const std::string& name, std::size_t callers, const std::vector<ModelRequests>& models,
                               std::uint64_t seed, Pick pick) {
  load::ChurnOperation operation{.name = name, .callers = callers};
  if (name != "infer") operation.most_rest = kMostRest;
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < kRequests; ++i) {
    const std::uint64_t drawn = random();
    operation.requests.push_back(pick(models[drawn % models.size()], drawn / models.size()));
  }
  return operation;
}

void AddOperations(const ChurnFlags& flags, const std::vector<ModelRequests>& models, load::ChurnPlan& plan,
                   std::vector<std::string>& notes) {
  const auto add = [&](const std::string& name, std::size_t callers, Pick pick) {
    if (callers == 0) return;
    plan.operations.push_back(Operation(name, callers, models, flags.seed + plan.operations.size(), pick));
  };
  add("infer", flags.infer, [](const ModelRequests& of, std::uint64_t number) -> const load::HttpRequest& {
    return of.uses[number % of.uses.size()];
  });
  add("load", flags.load, [](const ModelRequests& of, std::uint64_t) -> const load::HttpRequest& { return of.load; });
  add("unload", flags.unload,
      [](const ModelRequests& of, std::uint64_t) -> const load::HttpRequest& { return of.unload; });
  const auto add_known = [&](const std::string& name, std::size_t callers, const load::HttpRequest& example,
                             Pick pick) {
    if (callers == 0) return;
    if (HasRoute(plan.endpoint, example)) return add(name, callers, pick);
    notes.push_back(fmt::format("{} is left out: the server has no POST {}", name, example.path));
  };
  add_known("cancel", flags.cancel, models[0].cancel,
            [](const ModelRequests& of, std::uint64_t) -> const load::HttpRequest& { return of.cancel; });
  add_known("reload", flags.reload, models[0].reload,
            [](const ModelRequests& of, std::uint64_t) -> const load::HttpRequest& { return of.reload; });
  Refuse(plan.operations.empty(), "there is nothing to do: --infer, --load and the others are all 0");
}

load::ChurnPlan PlanOf(const ChurnFlags& flags, load::Report& facts, std::vector<std::string>& notes) {
  load::ChurnPlan plan;
  plan.duration = DurationOf("--duration", flags.duration);
  Refuse(plan.duration <= Duration::zero(), "--duration must be longer than nothing");
  plan.timeout = kPatience;
  plan.seed = flags.seed;
  Result<load::Endpoint> endpoint = load::Endpoint::Parse(flags.target);
  QuitUnless(endpoint);
  plan.endpoint = std::move(*endpoint);
  if (flags.pid) {
    const Result<double> there = load::CpuSecondsOf(*flags.pid);
    QuitUnless(there);
    plan.pid = *flags.pid;
  }
  const auto headers = HeadersOf(FlagsFor(flags, ""));
  QuitUnless(headers);
  std::vector<ModelRequests> models;
  for (const std::string& model : flags.models) {
    Result<ModelRequests> requests = PrepareOne(flags, plan.endpoint, model, *headers, facts);
    QuitUnless(requests);
    plan.at_the_end.push_back(requests->load);
    plan.at_the_end.push_back(requests->uses[0]);
    models.push_back(std::move(*requests));
  }
  AddOperations(flags, models, plan, notes);
  const auto metrics = load::Fetch(plan.endpoint, {.path = "/metrics", .headers = *headers}, kPatience);
  plan.metrics = metrics && metrics->status == 200 && load::ReadJobCounts(metrics->body).there;
  if (!plan.metrics) notes.emplace_back("jobs are not compared: the server does not have Weir's metrics");
  facts.model = fmt::format("{}", fmt::join(flags.models, ", "));
  return plan;
}

void Churn(const ChurnFlags& flags) {
  RaiseFileLimit();
  std::signal(SIGPIPE, SIG_IGN);
  load::Report facts;
  load::DescribeHost(facts);
  std::vector<std::string> notes;
  const load::ChurnPlan plan = PlanOf(flags, facts, notes);
  load::ChurnTally tally;
  Result<load::ChurnResult> result;
  const TimePoint begun = Clock::Steady().Now();
  RunWithProgress([&](std::stop_token stop) { result = load::RunChurn(plan, tally, stop); },
                  [&] {
                    const double done = Seconds(Clock::Steady().Now() - begun) / Seconds(plan.duration);
                    return fmt::format("{:3.0f} %  {} answers", std::min(100.0, 100 * done), tally.answers());
                  });
  QuitUnless(result);
  result->notes.insert(result->notes.begin(), notes.begin(), notes.end());
  if (!flags.json.empty()) WriteJson(flags.json, load::WriteChurn(facts, plan, *result));
  if (flags.json != "-") fmt::print("{}", load::ChurnTable(facts, plan, *result, StyleOf(STDOUT_FILENO)));
  std::fflush(stdout);
  if (!result->broken.empty()) throw CLI::RuntimeError(kFailed);
}

void AddFlags(CLI::App& command, ChurnFlags& flags) {
  const auto callers = CLI::Range(std::size_t{0}, std::size_t{1000});
  command.add_option("target", flags.target, "URL of a server: Weir, or any that speaks the Open Inference Protocol")
      ->required();
  command.add_option("--models", flags.models, "Models to use, load and unload: a,b,c")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--duration", flags.duration, "How long")->capture_default_str();
  command.add_option("--infer", flags.infer, "Callers that use models")->check(callers)->capture_default_str();
  command.add_option("--load", flags.load, "Callers that load models")->check(callers)->capture_default_str();
  command.add_option("--unload", flags.unload, "Callers that unload models")->check(callers)->capture_default_str();
  command.add_option("--reload", flags.reload, "Callers that reload models (Weir)")
      ->check(callers)
      ->capture_default_str();
  command.add_option("--cancel", flags.cancel, "Callers that give loads up (Weir)")
      ->check(callers)
      ->capture_default_str();
  command.add_option("--header", flags.headers, "NAME:VALUE to send (may be repeated)");
  command.add_option("--seed", flags.seed, "Of what is done to which model, and of the inputs")->capture_default_str();
  command.add_option("--pid", flags.pid, "Process of the server on this machine, for its memory");
  command.add_option("--json", flags.json, "Write the result to this file; '-' is stdout, in place of the table");
}

}  // namespace

void AddBenchChurn(CLI::App& bench) {
  CLI::App* command =
      bench.add_subcommand("churn", "Load, unload and use models at random, and show whether every promise was kept");
  auto flags = std::make_shared<ChurnFlags>();
  AddFlags(*command, *flags);
  command->footer(
      "Ends with code 1 when a request had no answer, a status was none of 200, 400, 404, 409, 429, 503 and 504, the\n"
      "server's counts do not add up, or a model does not answer afterwards.\n\nExample:\n"
      "  weir bench churn http://127.0.0.1:8000 --models identity,simple,minilm --duration 30s");
  command->callback([flags] { Churn(*flags); });
}

}  // namespace weir::cli
