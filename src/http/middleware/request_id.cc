#include <algorithm>

#include "base/ids.h"
#include "http/middleware.h"

namespace weir::http {
namespace {

constexpr std::size_t kMaxLength = 128;

bool Usable(std::string_view id) {
  const auto printable = [](char c) { return c > ' ' && c < '\x7f'; };
  return !id.empty() && id.size() <= kMaxLength && std::ranges::all_of(id, printable);
}

class RequestId final : public Middleware {
 public:
  std::optional<Error> Before(Exchange& exchange) const override {
    std::string_view given = exchange.Header("x-request-id");
    if (given.empty() && exchange.dialect == Dialect::kSentiment) given = exchange.Header("x-correlation-id");
    exchange.request_id = Usable(given) ? std::string(given) : NewTraceId();
    return std::nullopt;
  }
  void After(const Exchange& exchange, Response& response) const override {
    if (!exchange.Tells(response)) return;
    response.headers.emplace_back("X-Request-Id", exchange.request_id);
    if (exchange.dialect == Dialect::kSentiment) response.headers.emplace_back("X-Correlation-ID", exchange.request_id);
  }
};

}  // namespace

std::unique_ptr<Middleware> NewRequestIdMiddleware() { return std::make_unique<RequestId>(); }

}  // namespace weir::http
