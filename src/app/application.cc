#include "app/application.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "app/keys_file.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/pause.h"
#include "http/middleware.h"
#include "http/routes.h"

namespace weir::app {
namespace {

// For writing the last answers once their jobs have been given up.
constexpr std::chrono::milliseconds kLastAnswers{500};
// After a change of the keys or the certificate, for its writer to finish.
constexpr std::chrono::milliseconds kKeysSettle{200};

// A folder, or a graph in one.
ModelSource SourceAt(const std::filesystem::path& path) {
  if (path.extension() != ".onnx") return {.folder = path};
  return {.folder = path.parent_path(), .file = path.filename().string()};
}

// Each once.
std::vector<std::filesystem::path> FoldersOf(const http::TlsOptions& tls) {
  std::vector<std::filesystem::path> folders;
  for (const std::filesystem::path& file : {tls.certificate, tls.key, tls.client_ca}) {
    if (file.empty()) continue;
    std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
    if (std::ranges::find(folders, folder) == folders.end()) folders.push_back(std::move(folder));
  }
  return folders;
}

// Whether a model, or a version of it, is loaded or was meant to be.
bool IsUsed(const Engine& engine, const std::string& reference) {
  const Result<ModelStatus> now = engine.StateOf(reference);
  return now && now->state != ModelState::kAbsent;
}

}  // namespace

Result<std::unique_ptr<Application>> Application::Make(const Config& config) {
  std::unique_ptr<Application> app(new Application(config));
  for (const std::filesystem::path& folder : config.models) {
    Status added = app->core_.folders.AddAll(folder);
    if (!added) return Forward(added);
  }
  std::vector<ModelSource> sources = config.sources;
  if (!config.sentiment.model_folder.empty()) sources.push_back(SourceAt(config.sentiment.model_folder));
  if (!config.candles.model_folder.empty()) sources.push_back({.folder = config.candles.model_folder});
  for (const ModelSource& source : sources) {
    Result<std::string> added = app->core_.folders.AddOne(source);
    if (!added) return Forward(added);
  }
  if (Status together = CheckTogether(config); !together) return Forward(together);
  const std::vector<std::string> names = app->core_.folders.Names();
  if (!config.default_model.empty() && std::ranges::find(names, config.default_model) == names.end()) {
    return Fail(Code::kNotFound, fmt::format("default_model: there is no model '{}'{}", config.default_model,
                                             DidYouMean(config.default_model, names)));
  }
  if (names.empty()) {
    return Fail(Code::kNotFound,
                "there is no model to serve: name a model folder, hf:ORG/NAME, or a folder of model folders "
                "with --models DIR");
  }
  Result<std::vector<access::Key>> keys = KeysOf(config);
  if (!keys) return Forward(keys);
  app->keys_.Replace(std::move(*keys));
  if (Status sentiment = app->AddSentiment(); !sentiment) return Forward(sentiment);
  app->AddCandles();
  app->AddRoutes();
  if (Status limits = app->LimitBodies(); !limits) return Forward(limits);
  Result<std::unique_ptr<http::Server>> server = http::Server::Make(config.server, app->router_, app->metrics_);
  if (!server) return Forward(server);
  app->server_ = std::move(*server);
  if (Status grpc = app->AddGrpc(); !grpc) return Forward(grpc);
  return app;
}

Application::~Application() {
  watch_ = nullptr;
  keys_watch_ = nullptr;
  certificate_watch_ = nullptr;
  if (rpc_) rpc_->Stop();
  if (server_) server_->StopThreads();
}

std::vector<std::unique_ptr<http::Middleware>> Application::MiddlewaresOf(std::string_view transport) {
  const Clock& clock = Clock::Steady();
  std::vector<std::unique_ptr<http::Middleware>> all;
  if (config_.access_log) all.push_back(http::NewAccessLogMiddleware(config_.access_percent, clock));
  all.push_back(http::NewRequestIdMiddleware());
  all.push_back(http::NewTraceMiddleware());
  all.push_back(http::NewDeadlineMiddleware(config_.deadlines));
  all.push_back(http::NewKeyMiddleware(keys_, clock));
  all.push_back(http::NewPriorityMiddleware());
  all.push_back(http::NewMetricsMiddleware(metrics_, clock, transport));
  all.push_back(http::NewStageTimesMiddleware(metrics_, clock));
  return all;
}

Status Application::AddGrpc() {
  if (!config_.rpc.port) return {};
  for (auto& middleware : MiddlewaresOf("grpc")) rpc_middlewares_.Add(std::move(middleware));
  rpc::ServerOptions options = config_.rpc;
  options.address = config_.server.address;
  options.tls.certificate = config_.server.tls.certificate;
  options.tls.key = config_.server.tls.key;
  options.tls.client_ca = config_.server.tls.client_ca;
  options.max_message_bytes = config_.server.max_body_bytes;
  options.max_messages_bytes = config_.server.max_bodies_bytes;
  Result<std::unique_ptr<rpc::Server>> server = rpc::Server::Make(
      options, {.infer = core_.infer, .repository = repository_, .middlewares = rpc_middlewares_, .ready = [this] {
                  return Ready();
                }});
  if (server) {
    rpc_ = std::move(*server);
    return {};
  }
  if (config_.rpc_is_named || config_.rpc.tls.port) return Forward(server);
  log::Warn("{}; this server goes on without gRPC", server.error().message);
  return {};
}

Status Application::AddSentiment() {
  const SentimentOptions& options = config_.sentiment;
  if (!options.enabled) return {};
  if (!options.feedback.empty()) {
    auto store = sentiment::FeedbackStore::Open(options.feedback, options.max_feedback);
    if (!store) return Forward(store);
    feedback_ = std::move(*store);
  }
  sentiment_probe_ = std::make_unique<sentiment::Probe>(metrics_);
  sentiment_ = std::make_unique<sentiment::Service>(core_.texts, Clock::Steady(), options.max_text_length);
  router_.Use(http::NewSentimentMiddleware(*sentiment_probe_, Clock::Steady()));
  http::AddSentimentRoutes(router_, {.engine = core_.engine,
                                     .service = *sentiment_,
                                     .probe = *sentiment_probe_,
                                     .metrics = metrics_,
                                     .feedback = feedback_.get(),
                                     .disk = disk_,
                                     .model = options.model.empty() ? config_.default_model : options.model,
                                     .prefix = options.debug ? "" : "/api/v1",
                                     .cache_bytes = config_.engine.deployment.cache_bytes,
                                     .shows_metrics = options.metrics,
                                     .ready = [this] { return Ready(); }});
  return {};
}

void Application::AddCandles() {
  const CandlesOptions& options = config_.candles;
  if (!options.enabled) return;
  candles_probe_ = std::make_unique<forecast::ServiceProbe>(metrics_);
  candles_gate_ = std::make_unique<forecast::ContainerGate>(options.gate);
  router_.Use(http::NewCandlesMetricsMiddleware(*candles_probe_, Clock::Steady()));
  const bool on_cpu = options.device == "auto" || options.device == "cpu";
  http::AddCandlesRoutes(
      router_,
      {.engine = core_.engine,
       .forecasts = core_.forecasts,
       .probe = *candles_probe_,
       .metrics = metrics_,
       .disk = disk_,
       .model = options.model.empty() ? config_.default_model : options.model,
       .app_name = options.app_name,
       .device_warning = on_cpu ? "" : fmt::format("Requested device '{}' is not available; using CPU", options.device),
       .defaults = options.defaults,
       .inference_timeout = options.inference_timeout,
       .strict_compat = options.strict_compat,
       .shows_metrics = options.metrics,
       .started = Clock::Steady().Now(),
       .ready = [this] { return Ready(); }});
  for (const std::string_view path : {"/v1/predict/single", "/v1/predict/batch"}) {
    router_.LimitBody(path, options.max_request_bytes);
  }
}

void Application::AddRoutes() {
  if (!config_.cors_origins.empty()) router_.Use(http::NewCorsMiddleware(config_.cors_origins));
  for (auto& middleware : MiddlewaresOf("http")) router_.Use(std::move(middleware));
  // Behind keys and ids, which its refusals have.
  if (candles_gate_) router_.Use(http::NewContainersMiddleware(*candles_gate_, *candles_probe_, Clock::Steady()));
  const auto ready = [this] { return Ready(); };
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  http::AddHealthRoutes(router_, {.engine = core_.engine, .metrics = metrics_, .ready = ready});
  const auto longest = std::chrono::duration_cast<std::chrono::milliseconds>(config_.deadlines.most).count();
  const auto longest_text = static_cast<std::int64_t>(config_.sentiment.max_text_length);
  http::AddDocsRoutes(router_, {.asks_keys = keys_.required(),
                                .bounds = {{"deadline.max", longest}, {"sentiment.max_text_length", longest_text}}});
  http::AddTextRoutes(router_, {.engine = core_.engine,
                                .texts = core_.texts,
                                .default_model = config_.default_model,
                                .started_at = std::chrono::duration_cast<std::chrono::seconds>(now).count()});
  http::AddForecastRoutes(
      router_, {.engine = core_.engine, .forecasts = core_.forecasts, .default_model = config_.default_model});
  http::AddModelRoutes(
      router_,
      {.repository = repository_, .default_model = config_.default_model, .longest_deadline = config_.deadlines.most});
  http::AddOipRoutes(router_, {.infer = core_.infer, .ready = ready});
}

Status Application::LimitBodies() {
  for (const auto& [path, bytes] : config_.body_limits) {
    if (router_.LimitBody(path, bytes)) continue;
    std::vector<std::string> known;
    for (const http::Router::RouteInfo& route : router_.List()) known.emplace_back(route.pattern);
    return Fail(Code::kNotFound,
                fmt::format("server.body_limits: there is no route '{}'{}", path, DidYouMean(path, known)));
  }
  return {};
}

void Application::Start() {
  for (const std::string& name : core_.folders.Names()) core_.engine.Declare(name, PlanOf(name));
  for (const std::string& name : LoadedAtStart()) {
    core_.engine.Load(name, Deadline::Never(), [](const Result<Registry::DeploymentPtr>&) {});
  }
  server_->Start();
  if (rpc_) rpc_->Start();
  if (config_.watch_models && !config_.models.empty()) {
    watch_ = std::make_unique<FolderWatch>(Watched{.what = "models",
                                                   .folders = config_.models,
                                                   .depth = 3,
                                                   .settle = config_.watch_settle,
                                                   .poll = config_.watch_poll},
                                           [this] { return Rescan(); });
  }
  if (server_->tls_port() != 0) {
    certificate_watch_ = WatchFiles("certificate", FoldersOf(config_.server.tls), [this] { RenewCertificate(); });
  }
  if (!config_.keys_file.empty()) {
    keys_watch_ = WatchFiles("keys", FoldersOfKeys(config_.keys_file), [this] { RenewKeys(); });
  }
}

std::unique_ptr<FolderWatch> Application::WatchFiles(std::string_view what, std::vector<std::filesystem::path> folders,
                                                     std::function<void()> renew) const {
  return std::make_unique<FolderWatch>(
      Watched{
          .what = std::string(what), .folders = std::move(folders), .settle = kKeysSettle, .poll = config_.watch_poll},
      [renew = std::move(renew)] {
        renew();
        return false;
      });
}

void Application::RenewCertificate() {
  const Status renewed = server_->RenewTls();
  if (!renewed) return log::Error("the certificate stays as it was: {}", renewed.error().message);
  if (server_->tls_port() != 0) log::Info("the certificate was read again");
}

bool Application::Rescan() {
  const MutexLock lock(rescan_);
  if (stopping_) return false;
  bool pending = false;
  const ModelChanges changes = core_.folders.Rescan(pending);
  const auto ignore = [](const Result<Registry::DeploymentPtr>&) {};  // the registry has logged and kept it
  for (const std::string& name : changes.removed) {
    log::Info("model {}: its folder is gone", name);
    core_.engine.Remove(name, Deadline::After(Clock::Steady(), config_.drain_deadline));
  }
  for (const std::string& name : changes.added) {
    log::Info("model {}: its folder has come", name);
    core_.engine.Declare(name, PlanOf(name));
    if (!LoadsOnDemand(name)) core_.engine.Load(name, Deadline::Never(), ignore);
  }
  for (const std::string& name : changes.changed) {
    const bool used = IsUsed(core_.engine, name);  // what was unloaded, or not needed yet, stays so
    std::vector<std::string> renewed;
    for (const std::string& reference : changes.renewed) {
      if (ParseReference(reference).name == name && IsUsed(core_.engine, reference)) renewed.push_back(reference);
    }
    core_.engine.Declare(name, PlanOf(name));
    for (const std::string& reference : renewed) core_.engine.Reload(reference, Deadline::Never(), ignore);
    if (used) core_.engine.Load(name, Deadline::Never(), ignore);
  }
  return pending;
}

void Application::LookAt(const std::string& name, std::function<void()> then) {
  looks_.Submit([this, name, then = std::move(then)] {
    {
      const MutexLock lock(rescan_);
      if (!stopping_ && core_.folders.LookAt(name)) core_.engine.Declare(name, PlanOf(name));
    }
    then();
  });
}

void Application::RenewKeys() {
  if (config_.keys_file.empty()) return;
  Result<std::vector<access::Key>> keys = KeysOf(config_);
  if (!keys) return log::Warn("the keys stay as they were: {}", keys.error().message);
  log::Info("{} keys from {}", keys->size() - config_.api_keys.size(), config_.keys_file.string());
  keys_.Replace(std::move(*keys));
}

void Application::WaitLoaded() {
  for (const std::string& name : LoadedAtStart()) {
    std::vector<std::string> awaited;
    for (const VersionNumber version : PlanOf(name).served) awaited.push_back(ReferenceOf(name, version));
    awaited.push_back(name);  // for one that has failed, another may stand in
    for (const std::string& reference : awaited) {
      std::promise<void> loaded;
      // Whatever the outcome: the registry has logged and kept it.
      core_.engine.WhenReady(reference, Deadline::Never(),
                             [&loaded](const Result<Registry::DeploymentPtr>&) { loaded.set_value(); });
      loaded.get_future().get();
    }
  }
}

std::vector<std::string> Application::LoadedAtStart() const {
  std::vector<std::string> names = core_.folders.Names();
  std::erase_if(names, [this](const std::string& name) { return LoadsOnDemand(name); });
  return names;
}

bool Application::LoadsOnDemand(const std::string& name) const {
  const auto own = config_.model_settings.find(name);
  if (own != config_.model_settings.end() && own->second.on_demand) return *own->second.on_demand;
  return config_.engine.on_demand;
}

ModelPlan Application::PlanOf(const std::string& name) const {
  const auto own = config_.model_settings.find(name);
  const bool has_own = own != config_.model_settings.end() && own->second.versions;
  const VersionPolicy& policy = has_own ? *own->second.versions : config_.versions;
  const std::vector<VersionNumber> present = core_.folders.VersionsOf(name);
  ModelPlan plan{.served = policy.Choose(present), .present = present, .on_demand = LoadsOnDemand(name)};
  if (own != config_.model_settings.end()) plan.cache_bytes = own->second.cache_bytes;
  return plan;
}

Status Application::Ready() const {
  if (stopping_) return Fail(Code::kUnavailable, "the server is stopping");
  std::size_t ready = 0;
  for (const ModelStatus& model : core_.engine.States()) {
    if (model.on_demand) {  // a request waits for it
      ++ready;
      continue;
    }
    const auto loading = std::ranges::find(model.versions, ModelState::kLoading, &VersionStatus::state);
    // Once the server has been ready, what comes is loaded beside what serves.
    if (!started_up_ && model.state == ModelState::kLoading) {
      return Fail(Code::kUnavailable, fmt::format("model '{}' is loading", model.name));
    }
    if (!started_up_ && loading != model.versions.end()) {
      return Fail(Code::kUnavailable,
                  fmt::format("version {} of model '{}' is loading", VersionText(loading->version), model.name));
    }
    ready += model.state == ModelState::kReady ? 1 : 0;
  }
  if (ready == 0) return Fail(Code::kUnavailable, "no model is ready");
  started_up_ = true;
  return {};
}

bool Application::Stop(const std::stop_token& hurry) {
  stopping_ = true;
  watch_ = nullptr;
  Pause(config_.drain_delay, hurry);  // load balancers see that it is not ready, and send no more
  const Deadline deadline = Deadline::After(Clock::Steady(), config_.drain_deadline);
  server_->StopAccepting();
  if (rpc_) rpc_->StopAccepting();
  bool clean = server_->WaitIdle(deadline, hurry);
  clean = (!rpc_ || rpc_->WaitIdle(deadline, hurry)) && clean;
  core_.engine.Close();
  clean = core_.engine.Drain(clean ? deadline : Deadline(TimePoint()), hurry) && clean;
  const Deadline last = Deadline::After(Clock::Steady(), kLastAnswers);
  if (!clean) server_->WaitIdle(last, {});
  if (!clean && rpc_) rpc_->WaitIdle(last, {});
  return clean;
}

}  // namespace weir::app
