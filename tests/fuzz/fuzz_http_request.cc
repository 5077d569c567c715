// A client's bytes through a connection, with limits as a server has them: its parser, the router, the answers.
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/connection.h"
#include "http/middleware.h"

namespace {

using namespace weir;
using boost::asio::ip::tcp;

void Ensure(bool good) {
  if (!good) std::abort();
}

// Small, so that the bytes of one input reach every limit.
const http::ServerOptions& Options() {
  static const http::ServerOptions options = [] {
    http::ServerOptions small;
    small.max_body_bytes = 256;
    small.max_bodies_bytes = 512;
    small.max_header_bytes = 512;
    small.max_header_fields = 12;
    small.compress_from = 64;
    small.half_close_answers = true;
    return small;
  }();
  return options;
}

// Whatever a client sends is no fault of the server.
class NoFault final : public http::Middleware {
 public:
  std::optional<Error> Before(http::Exchange&) const override { return std::nullopt; }
  void After(const http::Exchange&, http::Response& response) const override { Ensure(response.status != 500); }
};

const http::Router& TheRouter() {
  static const http::Router router = [] {
    http::Router made;
    made.Use(std::make_unique<NoFault>());
    made.Use(http::NewRequestIdMiddleware());
    made.Use(http::NewTraceMiddleware());
    made.Use(http::NewDeadlineMiddleware({}));
    made.Use(http::NewPriorityMiddleware());
    const auto echo = [](const http::ExchangePtr& exchange) {
      exchange->Respond({.body = std::string(exchange->body().size(), 'x'), .content_type = "text/plain"});
    };
    made.Add("GET", "/", http::Dialect::kOpenAi, access::Scope::kOpen, echo);
    made.Add("POST", "/v1/{name}", http::Dialect::kOpenAi, access::Scope::kOpen, echo);
    made.Add("POST", "/v2/small", http::Dialect::kOip, access::Scope::kOpen, echo);
    made.LimitBody("/v2/small", 16);
    return made;
  }();
  return router;
}

// What a client reads while it sends `bytes`, in pieces of that size, and after it has ended its side.
std::string Talk(std::string_view bytes, std::size_t piece) {
  std::array<int, 2> ends{};
  Ensure(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
  boost::asio::io_context context(1);
  const std::atomic<bool> draining = false;
  std::atomic<std::size_t> body_bytes = 0;
  http::RefusalRate refusals;
  http::SendBatch one_by_one(context, false);
  Metrics metrics;
  const http::WaitMetrics waits(metrics);
  ThreadPool packers(1, "pack");
  bool is_open = true;
  tcp::socket socket(context);
  socket.assign(tcp::v4(), ends[0]);
  const auto connection = http::Connection::Make(std::move(socket), nullptr,
                                                 {.options = Options(),
                                                  .router = TheRouter(),
                                                  .draining = draining,
                                                  .refusals = refusals,
                                                  .answers = one_by_one,
                                                  .body_bytes = body_bytes,
                                                  .packers = packers,
                                                  .ended_waits = waits,
                                                  .closed = [&](http::Connection*) { is_open = false; }});
  connection->Start();
  std::string answers;
  std::array<char, 4096> some{};
  const auto read = [&] {
    context.poll();
    context.restart();
    for (ssize_t got = 0; (got = ::read(ends[1], some.data(), some.size())) > 0;) {
      answers.append(some.data(), static_cast<std::size_t>(got));
    }
  };
  while (!bytes.empty()) {
    const ssize_t sent = ::send(ends[1], bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL);
    if (sent <= 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
    read();
  }
  ::shutdown(ends[1], SHUT_WR);
  // A compressed body may still be on its way through the other thread; a client that was refused could go on sending.
  constexpr int kPatience = 20;
  for (int turn = 0; turn < 100 * kPatience && is_open; ++turn) {
    read();
    if (turn > kPatience) connection->CheckTimeouts(TimePoint::max());
    if (is_open) ::usleep(100);
  }
  Ensure(!is_open);
  ::close(ends[1]);
  return answers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t piece = 1 + data[0] % 64 * 16;
  const std::string answers = Talk({reinterpret_cast<const char*>(data) + 1, size - 1}, piece);
  Ensure(answers.empty() || answers.starts_with("HTTP/1."));
  return 0;
}
