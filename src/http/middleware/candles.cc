#include <chrono>

#include "http/header_text.h"
#include "http/middleware.h"

namespace weir::http {
namespace {

// What tells how the service is, which those ask that are on no list.
bool IsAboutTheService(std::string_view route) {
  return route.starts_with("/v1/healthz") || route == "/v1/readyz" || route == "/v1/metrics";
}

bool IsGuarded(const Exchange& exchange) {
  return exchange.dialect == Dialect::kCandles && !IsAboutTheService(exchange.route);
}

// As it calls itself, else by its address.
std::string_view ContainerOf(const Exchange& exchange) {
  const std::string_view named = Trim(exchange.Header("x-container-name"));
  if (!named.empty()) return named;
  const std::string_view peer = exchange.peer;
  const bool is_here = peer.starts_with("127.") || peer == "::1" || peer.starts_with("::ffff:127.");
  return is_here ? std::string_view("localhost") : peer;
}

class CandlesMetrics final : public Middleware {
 public:
  CandlesMetrics(forecast::ServiceProbe& probe, const Clock& clock) : probe_(probe), clock_(clock) {}

  std::optional<Error> Before(Exchange& exchange) const override {
    if (exchange.dialect == Dialect::kCandles) probe_.Began();
    return std::nullopt;
  }
  void After(const Exchange& exchange, Response& response) const override {
    if (exchange.dialect != Dialect::kCandles) return;
    probe_.Ended(exchange.route, response.status, clock_.Now() - exchange.patience.received);
  }

 private:
  forecast::ServiceProbe& probe_;
  const Clock& clock_;
};

class Containers final : public Middleware {
 public:
  Containers(forecast::ContainerGate& gate, forecast::ServiceProbe& probe, const Clock& clock)
      : gate_(gate), probe_(probe), clock_(clock) {}

  std::optional<Error> Before(Exchange& exchange) const override {
    if (!IsGuarded(exchange)) return std::nullopt;
    const std::string_view container = ContainerOf(exchange);
    if (!gate_.Knows(container)) {
      probe_.Stranger(container);
      return Error{Code::kPermissionDenied, "Container not whitelisted"};
    }
    const Status entered = gate_.Enter(container, clock_.Now());
    if (entered) return std::nullopt;
    probe_.RateLimited(container);
    return entered.error();
  }

  void After(const Exchange& exchange, Response& response) const override {
    if (!IsGuarded(exchange)) return;
    const forecast::MinuteQuota quota = gate_.QuotaOf(ContainerOf(exchange), clock_.Now());
    if (quota.limit == 0) return;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(quota.until_reset).count();
    response.headers.emplace_back("X-RateLimit-Limit", std::to_string(quota.limit));
    response.headers.emplace_back("X-RateLimit-Remaining", std::to_string(quota.remaining));
    response.headers.emplace_back("X-RateLimit-Reset", std::to_string(seconds));
  }

 private:
  forecast::ContainerGate& gate_;
  forecast::ServiceProbe& probe_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<Middleware> NewCandlesMetricsMiddleware(forecast::ServiceProbe& probe, const Clock& clock) {
  return std::make_unique<CandlesMetrics>(probe, clock);
}

std::unique_ptr<Middleware> NewContainersMiddleware(forecast::ContainerGate& gate, forecast::ServiceProbe& probe,
                                                    const Clock& clock) {
  return std::make_unique<Containers>(gate, probe, clock);
}

}  // namespace weir::http
