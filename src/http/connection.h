// One client's connection.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <memory>

#include "executor/thread_pool.h"
#include "http/repeated_refusals.h"
#include "http/router.h"
#include "http/send_batch.h"
#include "http/server.h"
#include "http/tls.h"
#include "http/wait_metrics.h"

namespace weir::http {

// Whom a connection is with: an address, and a number for it.
struct Peer {
  std::uint64_t number = 0;
  std::string address;
};

// Reads requests, one at a time, and writes their answers. Confined to the I/O thread of its socket's
// executor; only the answers arrive from other threads, and are posted there. It keeps itself alive while an
// operation of its own or an unanswered exchange is under way.
class Connection {
 public:
  // While the server stops, a client that uses its connection has so long to send one more request, whose answer tells
  // it that the connection ends: closing at once would meet requests that are on their way.
  static constexpr std::chrono::milliseconds kLastRequest{200};

  struct Context {
    const ServerOptions& options;
    const Router& router;
    const std::atomic<bool>& draining;
    RefusalRate& refusals;                 // of the I/O thread
    SendBatch& answers;                    // of the I/O thread
    std::atomic<std::size_t>& body_bytes;  // of the bodies that all connections hold
    ThreadPool& packers;                   // for compressed bodies, both ways
    const WaitMetrics& ended_waits;
    // Called once, on the I/O thread, when the connection has ended.
    std::function<void(Connection*)> closed;
  };

  virtual ~Connection() = default;
  virtual void Start() = 0;
  // Closes it when it is overdue at `now`. Called about once a second.
  virtual void CheckTimeouts(TimePoint now) = 0;
  // Closes it if no request is here or under way; otherwise it ends with its answer.
  virtual void CloseWhenIdle() = 0;

  // `session`: null for a plain connection.
  static std::shared_ptr<Connection> Make(boost::asio::ip::tcp::socket socket, TlsSession session,
                                          const Context& context);
};

}  // namespace weir::http
