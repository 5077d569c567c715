// `weir serve`: the server put together, and its life.
#pragma once

#include <atomic>
#include <memory>
#include <stop_token>

#include "access/key_ring.h"
#include "app/config.h"
#include "app/core.h"
#include "app/folder_watch.h"
#include "base/mutex.h"
#include "forecast/container_gate.h"
#include "forecast/service_probe.h"
#include "http/router.h"
#include "http/server.h"
#include "infer/repository.h"
#include "rpc/server.h"
#include "sentiment/feedback.h"
#include "sentiment/probe.h"
#include "sentiment/service.h"

namespace weir::app {

//   Starting -> Serving -> Stopping -> Draining(deadline) -> Stopped
//
// Owned by main. Make, Start, Stop, in this order, from one thread; Stop blocks while it drains.
class Application {
 public:
  ~Application();

  // Reads the model folders and binds the port. Nothing is served yet.
  static Result<std::unique_ptr<Application>> Make(const Config& config);

  // Listens and begins to load every model. Never blocks.
  void Start();
  // Blocks until each model is ready or has failed.
  void WaitLoaded();
  // Picks up what has changed in the models folders and has come to rest; true when something has not yet. SIGHUP and
  // the watching of folders lead here. Thread-safe; blocks on the disk.
  bool Rescan();
  // Takes one model's folder as it is now, then calls `then`; on a thread of its own. Thread-safe, never blocks.
  void LookAt(const std::string& name, std::function<void()> then);
  // Reads the keys again; what is wrong with them is logged, and the ones before stay. Thread-safe; blocks on the disk.
  void RenewKeys();

  // Reads the certificate again; what is wrong with it is logged, and the one before stays. Thread-safe; blocks on the
  // disk.
  void RenewCertificate();

  // Readiness off, intake closed, requests under way answered until the drain deadline (or until `hurry` says
  // stop), the rest answered with 503. True when nothing had to be given up.
  bool Stop(const std::stop_token& hurry);

  // Whether requests can be answered; the error says why not.
  Status Ready() const;
  std::uint16_t port() const { return server_->port(); }
  // 0: there is no TLS.
  std::uint16_t tls_port() const { return server_->tls_port(); }
  // 0: there is no gRPC server.
  std::uint16_t grpc_port() const { return rpc_ ? rpc_->port() : 0; }
  std::uint16_t grpc_tls_port() const { return rpc_ ? rpc_->tls_port() : 0; }
  const Config& config() const { return config_; }
  Engine& engine() { return core_.engine; }
  const http::Router& router() const { return router_; }

 private:
  explicit Application(const Config& config)
      : config_(config), keys_(!config.keys_file.empty() || !config.api_keys.empty()), core_(config, metrics_),
        repository_(core_.engine,
                    [this](const std::string& model, std::function<void()> then) { LookAt(model, std::move(then)); }) {}
  void AddRoutes();
  // The bodies of single routes. kNotFound names the nearest route.
  Status LimitBodies();
  // What all transports have around their requests.
  std::vector<std::unique_ptr<http::Middleware>> MiddlewaresOf(std::string_view transport);
  std::unique_ptr<FolderWatch> WatchFiles(std::string_view what, std::vector<std::filesystem::path> folders,
                                          std::function<void()> renew) const;
  Status AddGrpc();
  Status AddSentiment();
  void AddCandles();
  std::vector<std::string> LoadedAtStart() const;
  bool LoadsOnDemand(const std::string& name) const;
  ModelPlan PlanOf(const std::string& name) const;

  const Config config_;
  std::atomic<bool> stopping_ = false;
  mutable std::atomic<bool> started_up_ = false;  // all that is loaded at start has been, or has failed
  Metrics metrics_;
  access::KeyRing keys_;
  http::Router router_;
  std::unique_ptr<http::Server> server_;
  // Destroyed before the server, whose threads have ended by then: the last answers go to connections that exist.
  Core core_;
  const Repository repository_;
  // Of the sentiment service; null without it.
  std::unique_ptr<sentiment::FeedbackStore> feedback_;
  std::unique_ptr<sentiment::Probe> sentiment_probe_;
  std::unique_ptr<sentiment::Service> sentiment_;
  // Of the candle forecasting service; null without it.
  std::unique_ptr<forecast::ServiceProbe> candles_probe_;
  std::unique_ptr<forecast::ContainerGate> candles_gate_;
  ThreadPool disk_{1, "disk"};
  http::Middlewares rpc_middlewares_;
  std::unique_ptr<rpc::Server> rpc_;  // before the engine, which answers its last calls
  Mutex rescan_;                      // one at a time
  ThreadPool looks_{1, "look"};       // for folders that callers name
  // Last: they use all of the above.
  std::unique_ptr<FolderWatch> watch_;
  std::unique_ptr<FolderWatch> keys_watch_;
  std::unique_ptr<FolderWatch> certificate_watch_;
};

}  // namespace weir::app
