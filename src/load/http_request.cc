#include "load/http_request.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <sstream>

#include "base/version.h"

namespace weir::load {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint64_t kMostFetched = 64U << 20;

bhttp::request<bhttp::string_body> ToBeast(const HttpRequest& request, const Endpoint& endpoint) {
  bhttp::request<bhttp::string_body> out;
  out.version(11);
  out.method_string(request.method);
  out.target(request.path);
  out.set(bhttp::field::host, endpoint.Authority());
  out.set(bhttp::field::user_agent, fmt::format("weir-bench/{}", kVersion));
  for (const auto& [name, value] : request.headers) out.set(name, value);
  out.body() = request.body;
  if (!request.body.empty() || request.method != "GET") out.content_length(request.body.size());
  return out;
}

}  // namespace

std::string WireBytes(const HttpRequest& request, const Endpoint& endpoint) {
  std::ostringstream out;
  out << ToBeast(request, endpoint);
  return out.str();
}

Result<HttpAnswer> Fetch(const Endpoint& endpoint, const HttpRequest& request, Duration timeout) {
  asio::io_context context(1);
  tcp::resolver resolver(context);
  error_code failed;
  const auto where = resolver.resolve(endpoint.host, std::to_string(endpoint.port), failed);
  if (failed) return Fail(Code::kUnavailable, fmt::format("cannot find '{}': {}", endpoint.host, failed.message()));
  beast::tcp_stream stream(context);
  const bhttp::request<bhttp::string_body> out = ToBeast(request, endpoint);
  bhttp::response_parser<bhttp::string_body> in;
  in.body_limit(kMostFetched);
  beast::flat_buffer buffer;
  std::string_view when = "cannot connect to";
  stream.expires_after(timeout);
  stream.async_connect(where, [&](error_code connected, const tcp::endpoint&) {
    if ((failed = connected)) return;
    when = "cannot send to";
    bhttp::async_write(stream, out, [&](error_code sent, std::size_t) {
      if ((failed = sent)) return;
      when = "cannot read the answer of";
      bhttp::async_read(stream, buffer, in, [&](error_code received, std::size_t) { failed = received; });
    });
  });
  context.run();
  if (failed) {
    return Fail(Code::kUnavailable, fmt::format("{} http://{}: {}", when, endpoint.Authority(), failed.message()));
  }
  return HttpAnswer{static_cast<int>(in.get().result_int()), std::move(in.get().body())};
}

}  // namespace weir::load
