// The HTTP/1.1 server: listening, threads, connections.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/machine.h"
#include "base/result.h"
#include "http/router.h"
#include "http/tls.h"
#include "metrics/metrics.h"

namespace weir::http {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8000;  // 0 = any free one
  // One for each core that the process may use, up to 4: each serves tens of thousands of small requests a second.
  std::size_t threads = std::min<std::size_t>(ThisMachine().cores(), 4);
  std::size_t max_connections = 16'384;
  std::size_t max_connections_per_address = 0;  // of IPv6: per network of 64 bits; 0: no bound of its own
  std::size_t max_body_bytes = ShareOfMemory(ThisMachine(), 8, 64U << 20);
  // Of all connections together; at least max_body_bytes.
  std::size_t max_bodies_bytes = ShareOfMemory(ThisMachine(), 4, 1U << 30);
  std::size_t max_header_bytes = 16U << 10;
  std::size_t max_header_fields = 100;
  // Answers of that size are compressed for clients that take them so; 0: none.
  std::size_t compress_from = 16U << 10;
  Duration first_byte_timeout = std::chrono::seconds(30);  // of a new connection's first request; TLS's handshake
  Duration header_timeout = std::chrono::seconds(10);      // from a request's first byte to the end of its header
  Duration read_timeout = std::chrono::seconds(30);        // from a request's first byte to its last
  Duration idle_timeout = std::chrono::seconds(75);        // between requests
  Duration write_timeout = std::chrono::seconds(30);       // for a client to take an answer
  // A client that ends its sending side has its answer all the same. Otherwise that counts as going away, as it looks
  // the same as a close, and cancels.
  bool half_close_answers = false;
  // Answers that are ready together are sent with one call of the kernel, where it permits that.
  bool use_io_uring = true;
  TlsOptions tls;
};

// Accepts connections and hands their requests to the router. Owned by the composition root; `router` and
// `metrics` outlive it. A connection lives on one of the server's I/O threads; handlers start there and must
// not block. Destruction closes everything.
class Server {
 public:
  // Binds and listens, but does not accept yet. kUnavailable names the address that could not be bound.
  static Result<std::unique_ptr<Server>> Make(const ServerOptions& options, const Router& router, Metrics& metrics);
  virtual ~Server() = default;

  virtual std::uint16_t port() const = 0;
  // 0: there is no TLS.
  virtual std::uint16_t tls_port() const = 0;
  // Reads certificate and key again, for connections from now on. Blocks on the disk.
  virtual Status RenewTls() = 0;
  // Starts the threads. Never blocks.
  virtual void Start() = 0;
  // Stops accepting and closes idle connections; the others end with the answer they wait for.
  virtual void StopAccepting() = 0;
  // Blocks until no connection is left, at most to the deadline or until `hurry` says stop; true when none is.
  virtual bool WaitIdle(Deadline deadline, const std::stop_token& hurry) = 0;
  // Ends the I/O threads: nothing is read or written any more, but answers may still arrive. Idempotent.
  virtual void StopThreads() = 0;
};

}  // namespace weir::http
