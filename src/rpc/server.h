// The gRPC server: the Open Inference Protocol's service with Triton's extensions, grpc.health.v1 and reflection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "http/middleware.h"
#include "http/tls.h"
#include "infer/infer_service.h"
#include "infer/repository.h"

namespace weir::rpc {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::optional<std::uint16_t> port = 8001;  // 0 = any free one; nullopt: there is no gRPC server
  http::TlsOptions tls;                      // a second port; its certificate is looked at once a second
  std::size_t max_message_bytes = 64U << 20;
  // Of all calls together; at least max_message_bytes.
  std::size_t max_messages_bytes = 1U << 30;
};

// What calls lead to. All of it outlives the server.
struct ServerContext {
  InferService& infer;
  const Repository& repository;
  const http::Middlewares& middlewares;
  std::function<Status()> ready;  // whether requests can be answered; an error says why not
};

// Calls start on threads of the gRPC library, which must not block; there is none for each call. A call's metadata are
// what headers are to HTTP: x-request-id, x-request-timeout-ms, x-request-priority, authorization, x-api-key. Owned by
// the composition root. Destruction ends everything.
class Server {
 public:
  // Binds and listens; until Start, calls are answered with UNAVAILABLE. kUnavailable names the address that could not
  // be bound.
  static Result<std::unique_ptr<Server>> Make(const ServerOptions& options, const ServerContext& context);
  virtual ~Server() = default;

  virtual std::uint16_t port() const = 0;
  // 0: there is no TLS.
  virtual std::uint16_t tls_port() const = 0;
  virtual void Start() = 0;
  // New calls are answered with UNAVAILABLE from now on.
  virtual void StopAccepting() = 0;
  // Blocks until no call is under way, at most to the deadline or until `hurry` says stop; true when none is.
  virtual bool WaitIdle(Deadline deadline, const std::stop_token& hurry) = 0;
  // Cancels what is under way and blocks until it has ended. The engine must still answer. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace weir::rpc
