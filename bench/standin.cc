// The server with a model that sleeps instead of computing, so that its capacity is known and no processor is busy:
//
//   weir_standin batch  [KEY=VALUE...]   20 ms for a batch of at most 8, one at a time: 400 answers a second
//   weir_standin varied [KEY=VALUE...]   one at a time, 1 to 50 ms by the value of its input (0 to 9)
//
// Everything above the model is what `weir serve` has, with the same defaults; KEY=VALUE are settings.
#include <fmt/core.h>
#include <pthread.h>

#include <array>
#include <csignal>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "base/log.h"
#include "base/pause.h"
#include "engine/engine.h"
#include "http/middleware.h"
#include "http/routes.h"
#include "http/server.h"

namespace weir {
namespace {

using std::chrono::milliseconds;

// What a run takes, and what its jobs weigh. Value type.
struct Pretence {
  std::size_t max_batch = 1;
  // Of a job, from its input. A run takes as long as its longest job weighs.
  std::uint32_t (*length_of)(std::int64_t value) = nullptr;
  std::uint64_t group = 0;
};

constexpr milliseconds kBatchTime{20};
constexpr std::array<std::uint32_t, 10> kVaried = {1, 2, 3, 5, 8, 12, 18, 27, 40, 50};

constexpr Pretence kBatch{.max_batch = 8, .length_of = [](std::int64_t) { return 1U; }, .group = 1};
constexpr Pretence kVariedPretence{
    .length_of = [](std::int64_t value) { return kVaried[static_cast<std::uint64_t>(value) % kVaried.size()]; }};

// Sleeps, then answers each job with its own input.
class SleepingRunner final : public Runner {
 public:
  explicit SleepingRunner(const Pretence& pretence) : pretence_(pretence) {}

  std::vector<Result<std::vector<Tensor>>> Run(std::span<const JobPtr> batch, const std::stop_token& stop) override {
    const bool whole = Pause(TimeOf(batch), stop);
    std::vector<Result<std::vector<Tensor>>> results;
    for (const JobPtr& job : batch) {
      if (whole) {
        results.emplace_back(job->request.inputs);
      } else {
        results.emplace_back(Fail(Code::kCancelled, "the run was stopped"));
      }
    }
    return results;
  }

 private:
  milliseconds TimeOf(std::span<const JobPtr> batch) const {
    if (pretence_.max_batch > 1) return kBatchTime;
    return milliseconds(pretence_.length_of(batch[0]->request.inputs[0].As<std::int64_t>()[0]));
  }

  const Pretence pretence_;
};

class SleepingServable final : public Servable {
 public:
  explicit SleepingServable(const Pretence& pretence) : pretence_(pretence) {}

  const Manifest& manifest() const override { return manifest_; }
  std::string_view task() const override { return "tensor"; }
  std::size_t max_batch() const override { return pretence_.max_batch; }
  JobCost CostOf(std::span<const Tensor> inputs) const override {
    return {.length = pretence_.length_of(inputs[0].As<std::int64_t>()[0]),
            .group = pretence_.group,
            .bytes = inputs[0].bytes()};
  }
  std::unique_ptr<Runner> NewRunner() const override { return std::make_unique<SleepingRunner>(pretence_); }
  Status WarmUp() const override { return {}; }

 private:
  const Pretence pretence_;
  const Manifest manifest_{.platform = "standin",
                           .inputs = {{"INPUT", DataType::kInt64, {1}}},
                           .outputs = {{"OUTPUT", DataType::kInt64, {1}}}};
};

class SleepingLoader final : public ServableLoader {
 public:
  explicit SleepingLoader(const Pretence& pretence) : servable_(std::make_shared<SleepingServable>(pretence)) {}
  Result<std::shared_ptr<const Servable>> Load(const std::string&) override { return servable_; }

 private:
  const std::shared_ptr<const Servable> servable_;
};

// What measuring in idle time would have found: a run of any size takes as long.
class KnownCosts final : public CostStore {
 public:
  std::optional<CostTable> Find(const std::string&) override {
    CostTable table;
    for (auto& row : table.seconds) row.fill(Seconds(kBatchTime));
    return table;
  }
  void Keep(const std::string&, const CostTable&) override {}
};

// The parts of app::Application that a model of no folder needs.
class StandIn {
 public:
  StandIn(const app::Config& config, const Pretence& pretence)
      : config_(config), loader_(pretence), engine_(config_.engine, loader_, Clock::Steady(), metrics_) {
    router_.Use(http::NewRequestIdMiddleware());
    router_.Use(http::NewDeadlineMiddleware(config_.deadlines));
    router_.Use(http::NewPriorityMiddleware());
    router_.Use(http::NewMetricsMiddleware(metrics_, Clock::Steady()));
    router_.Use(http::NewStageTimesMiddleware(metrics_, Clock::Steady()));
    const auto ready = [] { return Status(); };  // it listens when the model is there
    http::AddHealthRoutes(router_, {.engine = engine_, .metrics = metrics_, .ready = ready});
    http::AddModelRoutes(router_, {.repository = repository_, .longest_deadline = config_.deadlines.most});
    http::AddOipRoutes(router_, {.infer = infer_, .ready = ready});
  }
  ~StandIn() {
    if (server_) server_->StopThreads();
  }
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  Status Start(const std::string& model) {
    Status loaded = engine_.LoadAndWait(model);
    if (!loaded) return loaded;
    Result<std::unique_ptr<http::Server>> server = http::Server::Make(config_.server, router_, metrics_);
    if (!server) return Forward(server);
    server_ = std::move(*server);
    server_->Start();
    return {};
  }
  void Stop() {
    const Deadline deadline = Deadline::After(Clock::Steady(), config_.drain_deadline);
    server_->StopAccepting();
    server_->WaitIdle(deadline, {});
    engine_.Close();
    engine_.Drain(deadline);
  }
  std::uint16_t port() const { return server_->port(); }

 private:
  const app::Config config_;
  Metrics metrics_;
  http::Router router_;
  std::unique_ptr<http::Server> server_;
  SleepingLoader loader_;
  Engine engine_;                         // before the server: its last answers go to connections that exist
  ThreadPool tokenizers_{1, "tokenize"};  // has nothing to do
  TextService texts_{engine_, tokenizers_};
  InferService infer_{engine_, texts_};
  const Repository repository_{engine_, [](const std::string&, const std::function<void()>& then) { then(); }};
};

int Complain(std::string_view what) {
  fmt::print(stderr, "weir_standin: {}\n", what);
  return 2;
}

int Serve(std::span<char*> arguments) {
  const std::string model = arguments.size() < 2 ? "" : arguments[1];
  if (model != "batch" && model != "varied") return Complain("say which model: batch or varied");
  app::ConfigSources sources;
  for (const std::string_view setting : arguments.subspan(2)) {
    const std::size_t equals = std::min(setting.find('='), setting.size() - 1);
    sources.flags.push_back(
        {std::string(setting.substr(0, equals)), std::string(setting.substr(equals + 1)), std::string(setting)});
  }
  Result<app::LoadedConfig> loaded = app::LoadConfig(sources);
  if (!loaded) return Complain(loaded.error().message);
  app::Config& config = loaded->config;
  config.engine.deployment.workers = 1;  // one at a time
  KnownCosts costs;
  config.engine.costs = &costs;
  log::SetLevel(config.log_level);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  StandIn standin(config, model == "batch" ? kBatch : kVariedPretence);
  const Status started = standin.Start(model);
  if (!started) return Complain(started.error().message);
  fmt::print("Ready at http://{}:{}, model {}\n", config.server.address, standin.port(), model);
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  standin.Stop();
  return 0;
}

}  // namespace
}  // namespace weir

int main(int count, char** arguments) { return weir::Serve({arguments, static_cast<std::size_t>(count)}); }
