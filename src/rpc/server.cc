#include "rpc/server.h"

#include <absl/synchronization/mutex.h>
#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <chrono>
#include <limits>
#include <utility>

#include "base/log.h"
#include "rpc/call.h"
#include "rpc/health_service.h"
#include "rpc/oip_service.h"
#include "rpc/reflection_service.h"

namespace weir::rpc {
namespace {

// Of calls on one connection; more wait at the client.
constexpr int kMostStreams = 1024;
// A client may ask so often whether the connection lives.
constexpr int kLeastPingMs = 10'000;

// What the library says becomes our lines; what reaches a caller as an error is of interest only to who looks closely.
void LogFromGrpc(gpr_log_func_args* line) { log::Debug("grpc: {}", line->message); }

int AsInt(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max())); }

// An IPv6 address stands in brackets.
std::string Place(const ServerOptions& options, std::uint16_t port) {
  const bool is_v6 = options.address.find(':') != std::string::npos;
  return fmt::format("{}:{}", is_v6 ? "[" + options.address + "]" : options.address, port);
}

constexpr unsigned kLookAtFilesSeconds = 1;

// The library reads the files itself, again when they have changed. They have been looked at before.
std::shared_ptr<grpc::ServerCredentials> CredentialsOf(const http::TlsOptions& tls) {
  auto files = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      tls.key.string(), tls.certificate.string(), tls.client_ca.string(), kLookAtFilesSeconds);
  grpc::experimental::TlsServerCredentialsOptions options(files);
  options.watch_identity_key_cert_pairs();
  if (!tls.client_ca.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

class GrpcServer final : public Server {
 public:
  explicit GrpcServer(const ServerContext& context)
      : calls_(context), oip_(NewOipService(calls_)), health_(HealthService::Make(calls_)),
        reflection_(NewReflectionService(calls_)), reflection_alpha_(NewReflectionServiceAlpha(calls_)) {}
  ~GrpcServer() override { Stop(); }

  Status Listen(const ServerOptions& options) {
    gpr_set_log_function(LogFromGrpc);
    // Debian's build of the library under gRPC looks for deadlocks at every lock: 1 us of the 16 that a bare call
    // takes.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    grpc::ServerBuilder builder;
    int port = 0;
    int tls_port = 0;
    builder.AddListeningPort(Place(options, *options.port), grpc::InsecureServerCredentials(), &port);
    if (options.tls.port) {
      // What is wrong with the files is told by whoever reads them first.
      if (Status files = Check(options.tls); !files) return files;
      builder.AddListeningPort(Place(options, *options.tls.port), CredentialsOf(options.tls), &tls_port);
    }
    for (grpc::Service* service : {oip_.get(), &health_->service(), reflection_.get(), reflection_alpha_.get()}) {
      builder.RegisterService(service);
    }
    builder.SetMaxReceiveMessageSize(AsInt(options.max_message_bytes));
    builder.SetMaxSendMessageSize(-1);
    grpc::ResourceQuota quota("weir");
    quota.Resize(options.max_messages_bytes);
    builder.SetResourceQuota(quota);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMostStreams);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kLeastPingMs);
    server_ = builder.BuildAndStart();
    if (!server_ || port == 0 || (options.tls.port && tls_port == 0)) {
      const bool is_plain = port == 0 || !options.tls.port;
      return Fail(
          Code::kUnavailable,
          fmt::format("cannot listen on {} port {} for gRPC: the port is in use, or not permitted; choose another "
                      "with {}, or 'off'",
                      options.address, is_plain ? *options.port : *options.tls.port,
                      is_plain ? "grpc.port" : "grpc.tls_port"));
    }
    port_ = static_cast<std::uint16_t>(port);
    tls_port_ = static_cast<std::uint16_t>(tls_port);
    return {};
  }

  std::uint16_t port() const override { return port_; }
  std::uint16_t tls_port() const override { return tls_port_; }
  void Start() override { calls_.Open(); }
  void StopAccepting() override { calls_.Close(); }
  bool WaitIdle(Deadline deadline, const std::stop_token& hurry) override { return calls_.WaitIdle(deadline, hurry); }

  void Stop() override {
    if (!server_) return;
    calls_.Close();
    health_->Stop();
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_ = nullptr;
  }

 private:
  static Status Check(const http::TlsOptions& tls) {
    auto keys = http::TlsKeys::Load(tls);
    return keys ? Status() : Forward(keys);
  }

  Calls calls_;
  const std::unique_ptr<grpc::Service> oip_;
  const std::unique_ptr<HealthService> health_;
  const std::unique_ptr<grpc::Service> reflection_;
  const std::unique_ptr<grpc::Service> reflection_alpha_;
  std::unique_ptr<grpc::Server> server_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Make(const ServerOptions& options, const ServerContext& context) {
  auto server = std::make_unique<GrpcServer>(context);
  Status listening = server->Listen(options);
  if (!listening) return Forward(listening);
  return server;
}

}  // namespace weir::rpc
