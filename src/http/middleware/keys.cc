#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>

#include "http/header_text.h"
#include "http/middleware.h"

namespace weir::http {
namespace {

constexpr std::string_view kBearer = "bearer ";

// The key that a request shows; "" when it shows none.
std::string_view Presented(std::string_view authorization, std::string_view api_key) {
  if (!SameText(authorization.substr(0, kBearer.size()), kBearer)) return api_key;
  return Trim(authorization.substr(kBearer.size()));
}

class Keys final : public Middleware {
 public:
  Keys(const access::KeyRing& keys, const Clock& clock) : keys_(keys), clock_(clock) {}

  std::optional<Error> BeforeBody(const HeaderOf& header) const override {
    if (!keys_.required()) return std::nullopt;
    const auto key = Known(header("authorization"), header("x-api-key"));
    return key ? std::nullopt : std::optional(key.error());
  }

  std::optional<Error> Before(Exchange& exchange) const override {
    const std::string_view authorization = exchange.Header("authorization");
    const std::string_view api_key = exchange.Header("x-api-key");
    if (!keys_.required()) {
      const std::string_view shown = Presented(authorization, api_key);
      if (!shown.empty()) exchange.client = std::hash<std::string_view>()(shown);
      return std::nullopt;
    }
    if (exchange.scope == access::Scope::kOpen) return std::nullopt;
    const auto known = Known(authorization, api_key);
    if (!known) return known.error();
    const access::Key& key = (*known)->key();
    exchange.key = *known;
    exchange.client = std::hash<std::string_view>()(key.name);
    if (key.priority) exchange.priority = *key.priority;
    if (!key.Has(exchange.scope)) {
      std::vector<std::string_view> scopes;
      for (const access::Scope scope : key.scopes) scopes.push_back(ScopeName(scope));
      return Error{Code::kPermissionDenied, fmt::format("this takes a key with the scope '{}'; key '{}' has: {}",
                                                        ScopeName(exchange.scope), key.name, fmt::join(scopes, ", "))};
    }
    auto lease = exchange.key->Begin(clock_.Now());
    if (!lease) return lease.error();
    exchange.lease = std::move(*lease);
    return std::nullopt;
  }

  void After(const Exchange& exchange, Response& response) const override {
    if (!exchange.key) return;
    const access::Quota quota = exchange.key->quota(clock_.Now());
    if (quota.limit == 0) return;
    response.headers.emplace_back("RateLimit-Limit", std::to_string(quota.limit));
    response.headers.emplace_back("RateLimit-Remaining", std::to_string(quota.remaining));
    response.headers.emplace_back("RateLimit-Reset", std::to_string(quota.reset.count()));
  }

 private:
  Result<std::shared_ptr<const access::KeyUse>> Known(std::string_view authorization, std::string_view api_key) const {
    const std::string_view shown = Presented(authorization, api_key);
    if (shown.empty()) {
      return Fail(Code::kUnauthenticated, "a key is asked for: send 'Authorization: Bearer KEY' or 'X-API-Key: KEY'");
    }
    auto found = keys_.Find(shown);
    if (found == nullptr) return Fail(Code::kUnauthenticated, "this key is not known");
    return found;
  }

  const access::KeyRing& keys_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<Middleware> NewKeyMiddleware(const access::KeyRing& keys, const Clock& clock) {
  return std::make_unique<Keys>(keys, clock);
}

}  // namespace weir::http
