#include "http/server.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "base/thread_name.h"
#include "http/connection.h"
#include "http/guarded.h"

namespace weir::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::seconds kSweepInterval{1};
constexpr std::chrono::milliseconds kAcceptPause{50};

// Whose connections are counted together: an address, or of IPv6 the network of 64 bits that one subscriber has.
using Origin = std::uint64_t;

Origin OriginOf(const asio::ip::address& address) {
  if (address.is_v4()) return address.to_v4().to_uint();
  const asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_uint();
  Origin network = 0;
  const auto bytes = v6.to_bytes();
  for (std::size_t i = 0; i < sizeof(network); ++i) network = network << 8U | bytes[i];
  return network;
}

// One I/O thread with its own event loop and its share of the connections. What is not marked otherwise is
// confined to that thread.
class Loop {
 public:
  Loop(const ServerOptions& options, const Router& router, const std::atomic<bool>& draining,
       std::atomic<std::size_t>& body_bytes, ThreadPool& packers, const WaitMetrics& waits,
       std::function<void(const Origin&)> closed)
      : options_(options), router_(router), draining_(draining), body_bytes_(body_bytes), packers_(packers),
        waits_(waits), closed_(std::move(closed)) {}

  asio::io_context& context() { return context_; }

  // Any thread, once.
  void Start() {
    Sweep();
    thread_ = std::jthread([this] {
      SetThreadName("http");
      while (!context_.stopped()) {
        Guarded([this] { context_.run(); });
      }
    });
  }
  // Any thread; joins.
  void Stop() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }
  // After Stop: closes the connections that are left.
  void Clear() {
    answers_.Clear();
    connections_.clear();
  }

  // Any thread.
  void Adopt(tcp::socket socket, const Origin& origin, TlsKeys* keys) {
    asio::post(context_, [this, keys, origin, socket = std::move(socket)]() mutable {
      TlsSession session = keys == nullptr ? nullptr : keys->NewSession(socket.native_handle());
      if (keys != nullptr && !session) return closed_(origin);  // no room: the socket goes with this
      auto connection = Connection::Make(std::move(socket), std::move(session),
                                         {.options = options_,
                                          .router = router_,
                                          .draining = draining_,
                                          .refusals = refusals_,
                                          .answers = answers_,
                                          .body_bytes = body_bytes_,
                                          .packers = packers_,
                                          .ended_waits = waits_,
                                          .closed = [this](Connection* ended) { Forget(ended); }});
      connections_.emplace(connection.get(), Open{connection, origin});
      connection->Start();
    });
  }
  // Any thread, once. Those that are not used for a moment are closed.
  void CloseIdle() {
    asio::post(context_, [this] {
      last_request_.expires_after(Connection::kLastRequest);
      last_request_.async_wait([this](error_code error) {
        if (error) return;
        for (const auto& connection : Snapshot()) connection->CloseWhenIdle();
      });
    });
  }

 private:
  struct Open {
    std::shared_ptr<Connection> connection;
    Origin origin;
  };

  std::vector<std::shared_ptr<Connection>> Snapshot() const {
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [key, open] : connections_) all.push_back(open.connection);
    return all;
  }

  void Forget(Connection* ended) {
    // Posted, because the connection is in the middle of one of its own functions.
    asio::post(context_, [this, ended] {
      const auto found = connections_.find(ended);
      const Origin origin = found->second.origin;
      connections_.erase(found);
      closed_(origin);
    });
  }

  void Sweep() {
    sweep_.expires_after(kSweepInterval);
    sweep_.async_wait([this](error_code error) {
      if (error) return;
      const TimePoint now = Clock::Steady().Now();
      for (const auto& connection : Snapshot()) connection->CheckTimeouts(now);
      Sweep();
    });
  }

  const ServerOptions& options_;
  const Router& router_;
  const std::atomic<bool>& draining_;
  std::atomic<std::size_t>& body_bytes_;
  ThreadPool& packers_;
  const WaitMetrics& waits_;
  const std::function<void(const Origin&)> closed_;

  RefusalRate refusals_;
  asio::io_context context_{1};
  SendBatch answers_{context_, options_.use_io_uring};
  asio::steady_timer sweep_{context_};
  asio::steady_timer last_request_{context_};
  std::unordered_map<Connection*, Open> connections_;
  std::jthread thread_;
};

class AsioServer final : public Server {
 public:
  AsioServer(const ServerOptions& options, const Router& router, Metrics& metrics)
      : options_(options), open_connections_(metrics.GetGauge("weir_http_connections", "Open HTTP connections.")),
        accepted_(metrics.GetCounter("weir_http_connections_total", "HTTP connections accepted.")),
        refused_(RefusedCounter(metrics, "total")), refused_address_(RefusedCounter(metrics, "address")),
        waits_(metrics) {
    for (std::size_t i = 0; i < options_.threads; ++i) {
      loops_.push_back(std::make_unique<Loop>(options_, router, draining_, body_bytes_, packers_, waits_,
                                              [this](const Origin& origin) { Leave(origin); }));
    }
  }

  ~AsioServer() override {
    StopThreads();
    for (const auto& loop : loops_) loop->Clear();
  }

  Status Listen() {
    Status plain = Listen(options_.port, nullptr);
    if (!plain || !options_.tls.port) return plain;
    Result<std::unique_ptr<TlsKeys>> keys = TlsKeys::Load(options_.tls);
    if (!keys) return Forward(keys);
    tls_ = std::move(*keys);
    return Listen(*options_.tls.port, tls_.get());
  }

  void StopThreads() override {
    for (const auto& loop : loops_) loop->Stop();
  }

  std::uint16_t port() const override { return doors_[0]->port; }
  std::uint16_t tls_port() const override { return doors_.size() > 1 ? doors_[1]->port : 0; }
  Status RenewTls() override { return tls_ ? tls_->Renew() : Status(); }

  void Start() override {
    for (const auto& door : doors_) Accept(*door);
    for (const auto& loop : loops_) loop->Start();
  }

  void StopAccepting() override {
    draining_ = true;
    asio::post(loops_[0]->context(), [this] {
      error_code ignored;
      for (const auto& door : doors_) door->acceptor.close(ignored);
      for (const auto& loop : loops_) loop->CloseIdle();
    });
  }

  bool WaitIdle(Deadline deadline, const std::stop_token& hurry) override {
    const MutexLock lock(mu_);
    return idle_.WaitUntil(mu_, hurry, deadline.at(), [this]() REQUIRES(mu_) { return open_ == 0; });
  }

 private:
  // One port. Confined to the first loop's thread.
  struct Door {
    Door(asio::io_context& context, TlsKeys* tls_keys) : acceptor(context), pause(context), keys(tls_keys) {}
    tcp::acceptor acceptor;
    asio::steady_timer pause;
    TlsKeys* const keys;  // null: plain
    std::uint16_t port = 0;
  };

  Status Listen(std::uint16_t port, TlsKeys* keys) {
    error_code error;
    const asio::ip::address address = asio::ip::make_address(options_.address, error);
    if (error) {
      return InvalidArgument(fmt::format("'{}' is not an IP address to listen on", options_.address));
    }
    auto door = std::make_unique<Door>(loops_[0]->context(), keys);
    const tcp::endpoint endpoint(address, port);
    door->acceptor.open(endpoint.protocol(), error);
    if (!error) door->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) door->acceptor.bind(endpoint, error);
    if (!error) door->acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      const bool permitted = error != boost::system::errc::permission_denied;
      return Fail(permitted ? Code::kUnavailable : Code::kPermissionDenied,
                  fmt::format("cannot listen on {} port {}: {}", options_.address, port, error.message()));
    }
    door->port = door->acceptor.local_endpoint(error).port();
    doors_.push_back(std::move(door));
    return {};
  }

  void Accept(Door& door) {
    // The socket belongs to the loop that will serve it; the first loop only accepts it.
    Loop& loop = *loops_[next_loop_++ % loops_.size()];
    door.acceptor.async_accept(loop.context(), [this, &door, &loop](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted || !door.acceptor.is_open()) return;
      if (error) return PauseAccepting(door, error);
      accepted_.Add();
      const Origin origin = OriginOf(socket.remote_endpoint(error).address());
      if (Enter(origin)) {
        loop.Adopt(std::move(socket), origin, door.keys);
      } else {
        socket.close(error);  // at once: an honest refusal costs the client less than a wait
      }
      Accept(door);
    });
  }

  // Out of file descriptors, most likely: try again when some have been given back.
  void PauseAccepting(Door& door, const error_code& error) {
    log::Warn("cannot accept a connection: {}", error.message());
    door.pause.expires_after(kAcceptPause);
    door.pause.async_wait([this, &door](error_code failed) {
      if (!failed && door.acceptor.is_open()) Accept(door);
    });
  }

  static Counter RefusedCounter(Metrics& metrics, const char* bound) {
    return metrics.GetCounter("weir_http_connections_refused_total",
                              "HTTP connections closed at once, as there were as many as there may be.",
                              {{"bound", bound}});
  }

  // False when there is no room for one more.
  bool Enter(const Origin& origin) {
    const MutexLock lock(mu_);
    if (open_ >= options_.max_connections) return refused_.Add(), false;
    if (options_.max_connections_per_address > 0) {
      std::size_t& own = open_of_[origin];
      if (own >= options_.max_connections_per_address) return refused_address_.Add(), false;
      ++own;
    }
    open_connections_.Set(static_cast<double>(++open_));
    return true;
  }
  void Leave(const Origin& origin) {
    const MutexLock lock(mu_);
    if (options_.max_connections_per_address > 0 && --open_of_[origin] == 0) open_of_.erase(origin);
    open_connections_.Set(static_cast<double>(--open_));
    if (open_ == 0) idle_.NotifyAll();
  }

  // Constant after Listen.
  const ServerOptions options_;
  std::unique_ptr<TlsKeys> tls_;  // null: there is no TLS
  std::atomic<bool> draining_ = false;
  std::atomic<std::size_t> body_bytes_ = 0;
  Gauge open_connections_;
  Counter accepted_;
  Counter refused_;
  Counter refused_address_;
  const WaitMetrics waits_;

  // Guarded by mu_.
  Mutex mu_;
  CondVar idle_;
  std::size_t open_ GUARDED_BY(mu_) = 0;
  std::unordered_map<Origin, std::size_t> open_of_ GUARDED_BY(mu_);  // empty when addresses have no bound

  std::vector<std::unique_ptr<Loop>> loops_;
  ThreadPool packers_{1, "pack"};  // its tasks post to the loops
  // Confined to the first loop's thread.
  std::size_t next_loop_ = 0;
  std::vector<std::unique_ptr<Door>> doors_;  // the plain one first
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Make(const ServerOptions& options, const Router& router, Metrics& metrics) {
  auto server = std::make_unique<AsioServer>(options, router, metrics);
  Status listening = server->Listen();
  if (!listening) return Forward(listening);
  return server;
}

}  // namespace weir::http
