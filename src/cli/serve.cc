// `weir serve`: the server, until a signal.
#include <fmt/core.h>
#include <pthread.h>

#include <CLI/CLI.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "app/application.h"
#include "app/config.h"
#include "app/model_reference.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/pause.h"
#include "cli/commands.h"
#include "cli/config_flags.h"
#include "cli/exit_code.h"
#include "cli/fail.h"
#include "cli/file_limit.h"
#include "cli/pull_progress.h"

namespace weir::cli {
namespace {

// After the drain's end; with the last answers that makes a second.
constexpr std::chrono::milliseconds kTakingDown{400};

struct ServeFlags {
  std::vector<std::string> names;
  std::string file;
  ConfigFlags config;
  std::vector<std::string> models;
  std::string port;
  std::string grpc_port;
  std::string address;
  std::string load;
};

// The models that stand on the command line themselves; those of the hub are fetched now.
void AddNamedModels(const ServeFlags& flags, app::Config& config) {
  if (!flags.file.empty() && flags.names.size() != 1) {
    Quit({Code::kInvalidArgument, "--file is for one model that is named on the command line"});
  }
  const std::vector<std::filesystem::path> places =
      config.models.empty() ? std::vector<std::filesystem::path>{"models"} : config.models;
  PullProgress progress;
  for (const std::string& name : flags.names) {
    Result<app::ModelSource> source = app::FindModel(name, flags.file, places, progress, {});
    QuitUnless(source);
    config.sources.push_back(std::move(*source));
  }
}

app::Config Configure(const ServeFlags& flags) {
  app::ConfigSources sources = SourcesOf(flags.config);
  for (const std::string& folder : flags.models) sources.flags.push_back({"models", folder, "--models"});
  if (!flags.port.empty()) sources.flags.push_back({"server.port", flags.port, "--port"});
  if (!flags.grpc_port.empty()) sources.flags.push_back({"grpc.port", flags.grpc_port, "--grpc-port"});
  if (!flags.address.empty()) sources.flags.push_back({"server.address", flags.address, "--address"});
  if (!flags.load.empty()) sources.flags.push_back({"load.when", flags.load, "--load"});
  Result<app::LoadedConfig> loaded = app::LoadConfig(sources);
  QuitUnless(loaded);
  AddNamedModels(flags, loaded->config);
  return std::move(loaded->config);
}

void PrintModels(app::Application& app) {
  fmt::print("\nModels\n");
  for (const ModelStatus& model : app.engine().States()) {
    if (model.state == ModelState::kReady) {
      fmt::print("  {:<16} {}\n", model.name, model.task);
    } else {
      fmt::print("  {:<16} {}: {}\n", model.name, ModelStateName(model.state), model.reason);
    }
  }
}

// One line to paste, for the most telling model that is there.
void PrintExample(app::Application& app, const std::string& url) {
  std::string embedding;
  std::string classification;
  std::string tensor;
  for (const ModelStatus& model : app.engine().States()) {
    if (model.task == "embedding") embedding = model.name;
    if (model.task == "classification") classification = model.name;
    if (model.task == "tensor") tensor = model.name;
  }
  fmt::print("\nTry\n");
  if (!classification.empty()) {
    fmt::print("  curl {}/v1/classify -d '{{\"model\": \"{}\", \"input\": \"What a lovely day.\"}}'\n", url,
               classification);
  } else if (!embedding.empty()) {
    fmt::print("  curl {}/v1/embeddings -d '{{\"model\": \"{}\", \"input\": \"What a lovely day.\"}}'\n", url,
               embedding);
  } else if (!tensor.empty()) {
    fmt::print("  curl {}/v2/models/{}\n", url, tensor);
  }
}

void PrintWelcome(app::Application& app) {
  const std::string& address = app.config().server.address;
  const bool is_v6 = address.find(':') != std::string::npos;
  const std::string host = is_v6 ? "[" + address + "]" : address;
  const std::string url = fmt::format("http://{}:{}", host, app.port());
  PrintModels(app);
  fmt::print("\nDoors at {}\n", url);
  for (const http::Router::RouteInfo& route : app.router().List()) {
    fmt::print("  {:<6}{}\n", route.method, route.pattern);
  }
  if (app.tls_port() != 0) fmt::print("  the same at https://{}:{}\n", host, app.tls_port());
  if (app.grpc_port() != 0) fmt::print("  gRPC at {}:{}\n", host, app.grpc_port());
  if (app.grpc_tls_port() != 0) fmt::print("  gRPC over TLS at {}:{}\n", host, app.grpc_tls_port());
  PrintExample(app, url);
  const Status ready = app.Ready();
  fmt::print("\n{}. Ctrl-C stops.\n", ready ? "Ready" : "Not ready: " + ready.error().message);
  std::fflush(stdout);
  ReturnCodeOfTheStart();
}

// Signals are taken by sigwait on the main thread alone; every other thread is born with them blocked.
// SIGUSR1 is how the program's own threads wake the main one.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

int WaitForSignal(const sigset_t& signals) {
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) {
  }
  return signal;
}

// What has changed in the models folders is taken once two looks have seen the same; a copy that goes on and on is left
// to the next signal.
void LookAgain(app::Application& app) {
  constexpr int kLooks = 5;
  log::Info("SIGHUP: looking at the models folders, the keys and the certificate");
  app.RenewKeys();
  app.RenewCertificate();
  for (int look = 1; app.Rescan() && look < kLooks; ++look) std::this_thread::sleep_for(app.config().watch_settle);
}

// Drains on a thread of its own, so that a second signal can cut it short.
bool StopOnSignals(app::Application& app, const sigset_t& signals) {
  const pthread_t main_thread = pthread_self();
  bool clean = false;
  std::jthread drain([&](const std::stop_token& hurry) {
    clean = app.Stop(hurry);
    pthread_kill(main_thread, SIGUSR1);
  });
  for (int signal = WaitForSignal(signals); signal != SIGUSR1; signal = WaitForSignal(signals)) {
    if (signal == SIGHUP) continue;
    log::Warn("second signal: stopping now");
    drain.request_stop();
  }
  drain.join();
  return clean;
}

// Why nothing can be served, once all loads have ended; nothing when a model serves, or may come with a request.
std::optional<Error> WhyNothingServes(app::Application& app) {
  std::string why;
  for (const ModelStatus& model : app.engine().States()) {
    if (model.on_demand || model.state != ModelState::kFailed) return std::nullopt;
    why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", model.name, model.reason);
  }
  return Error{Code::kUnavailable, "no model could be loaded: " + why};
}

[[noreturn]] void QuitServe(const Error& error, ExitCode otherwise) {
  const bool permitted = error.code != Code::kPermissionDenied;
  if (permitted && error.code != Code::kUnavailable) Quit(error);
  fmt::print(stderr, "weir: {}\n", error.message);
  throw CLI::RuntimeError(permitted ? otherwise : kNoPermission);
}

// Ends the process when taking it down takes longer than that: a session that is being built cannot be stopped, and
// nobody waits for it any more.
class LastResort {
 public:
  explicit LastResort(Duration patience)
      : thread_([patience](const std::stop_token& stop) {
          if (!Pause(patience, stop)) return;
          log::Warn("leaving while a model is still being built or run");
          std::fflush(nullptr);
          std::_Exit(kDone);
        }) {}

 private:
  std::jthread thread_;
};

void Serve(const ServeFlags& flags) {
  RaiseFileLimit();
  // While models are fetched, Ctrl-C ends the program as it ends any other.
  const app::Config config = Configure(flags);
  const sigset_t signals = BlockSignals();
  log::SetLevel(config.log_level);
  Result<std::unique_ptr<app::Application>> app = app::Application::Make(config);
  if (!app) QuitServe(app.error(), kNoAddress);
  (*app)->Start();
  std::optional<Error> nothing;  // set before the signal that says so
  std::atomic<bool> in_vain = false;
  std::jthread welcome([&, main_thread = pthread_self()] {
    (*app)->WaitLoaded();
    nothing = WhyNothingServes(**app);
    if (nothing) {
      in_vain = true;
      pthread_kill(main_thread, SIGTERM);
    } else {
      PrintWelcome(**app);
    }
  });
  for (int signal = SIGUSR1; signal == SIGUSR1 || signal == SIGHUP;) {
    signal = WaitForSignal(signals);
    if (signal == SIGHUP) LookAgain(**app);
  }
  if (!in_vain) log::Info("stopping");
  const bool clean = StopOnSignals(**app, signals);
  const LastResort last_resort(kTakingDown);
  welcome.join();
  if (in_vain) QuitServe(*nothing, kNoModel);
  log::Info("stopped{}", clean ? "" : "; some requests had to be given up");
  *app = nullptr;
}

}  // namespace

void AddServe(CLI::App& program) {
  CLI::App* command = program.add_subcommand("serve", "Serve models over HTTP and gRPC until Ctrl-C");
  auto flags = std::make_shared<ServeFlags>();
  command->add_option("model", flags->names,
                      "Model folder, name of one under --models, or hf:ORG/NAME[@REVISION] (any number)");
  command->add_option("--file", flags->file, "The graph to take of the one model named, over the order of choice");
  command->add_option("--models", flags->models, "Folder whose sub-folders are models (may be repeated)")
      ->allow_extra_args(false);
  command->add_option("--port", flags->port, "TCP port (default 8000; 0 takes any free one)");
  command->add_option("--grpc-port", flags->grpc_port,
                      "TCP port for gRPC (default 8001; 0 takes any free one; off: none)");
  command->add_option("--load", flags->load,
                      "When models load: startup (default) or on-demand, with the first request");
  command->add_option("--address", flags->address, "IP address to listen on (default 127.0.0.1)");
  AddConfigFlags(*command, flags->config);
  command->footer(
      "Example:\n  weir serve --models models --port 8000\n  weir serve --models models --set workers=4\n"
      "  weir serve ./my-model --file onnx/model_quantized.onnx\n  weir serve "
      "hf:sentence-transformers/all-MiniLM-L6-v2");
  command->callback([flags] { Serve(*flags); });
}

}  // namespace weir::cli
