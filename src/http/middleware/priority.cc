#include <array>
#include <functional>

#include "http/middleware.h"

namespace weir::http {
namespace {

constexpr std::array<std::string_view, 2> kKeys = {"authorization", "x-api-key"};

class PriorityFromHeader final : public Middleware {
 public:
  std::optional<Error> Before(Exchange& exchange) const override {
    for (const std::string_view name : kKeys) {
      const std::string_view key = exchange.Header(name);
      if (!key.empty()) exchange.client = std::hash<std::string_view>()(key);
    }
    const std::string_view given = exchange.Header("x-request-priority");
    if (given.empty()) return std::nullopt;
    const Result<Priority> priority = ParsePriority(given);
    if (!priority) {
      return Error{Code::kInvalidArgument, "X-Request-Priority: " + priority.error().message};
    }
    exchange.priority = *priority;
    return std::nullopt;
  }

  void After(const Exchange&, Response&) const override {}
};

}  // namespace

std::unique_ptr<Middleware> NewPriorityMiddleware() { return std::make_unique<PriorityFromHeader>(); }

}  // namespace weir::http
