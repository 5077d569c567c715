#include <algorithm>
#include <utility>

#include "http/middleware.h"

namespace weir::http {
namespace {

constexpr char kMethods[] = "GET, HEAD, POST, PATCH, DELETE, OPTIONS";
constexpr char kAllowed[] =
    "Authorization, Content-Type, Content-Encoding, Inference-Header-Content-Length, X-API-Key, X-Correlation-ID, "
    "X-Request-Id, X-Request-Priority, X-Request-Timeout-Ms, traceparent";
constexpr char kExposed[] =
    "Inference-Header-Content-Length, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, "
    "Server-Timing, "
    "X-Correlation-ID, X-Inference-Time-MS, X-Model-Backend, X-Request-Id";
constexpr char kMaxAge[] = "600";

class Cors final : public Middleware {
 public:
  explicit Cors(std::vector<std::string> origins) : origins_(std::move(origins)) {}

  std::optional<Error> Before(Exchange&) const override { return std::nullopt; }

  // A browser's question before the request that it is about: what a page may send, without keys.
  std::optional<Response> Instead(const Exchange& exchange) const override {
    const bool asks = exchange.method() == "OPTIONS" && !exchange.Header("access-control-request-method").empty();
    if (!asks || !IsAllowed(exchange.Header("origin"))) return std::nullopt;
    Response response{.status = 204};
    response.headers.emplace_back("Access-Control-Allow-Methods", kMethods);
    response.headers.emplace_back("Access-Control-Allow-Headers", kAllowed);
    response.headers.emplace_back("Access-Control-Max-Age", kMaxAge);
    return response;
  }

  void After(const Exchange& exchange, Response& response) const override {
    response.headers.emplace_back("Vary", "Origin");
    const std::string_view origin = exchange.Header("origin");
    if (!IsAllowed(origin)) return;
    response.headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
    response.headers.emplace_back("Access-Control-Expose-Headers", kExposed);
  }

 private:
  bool IsAllowed(std::string_view origin) const {
    return !origin.empty() && std::ranges::find(origins_, origin) != origins_.end();
  }

  const std::vector<std::string> origins_;
};

}  // namespace

std::unique_ptr<Middleware> NewCorsMiddleware(std::vector<std::string> origins) {
  return std::make_unique<Cors>(std::move(origins));
}

}  // namespace weir::http
