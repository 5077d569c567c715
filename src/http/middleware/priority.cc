#include "http/middleware.h"

namespace weir::http {
namespace {

class PriorityFromHeader final : public Middleware {
 public:
  std::optional<Error> Before(Exchange& exchange) const override {
    const std::string_view given = exchange.Header("x-request-priority");
    if (given.data() == nullptr) return std::nullopt;
    const Result<Priority> named = ParsePriority(given);
    if (!named) return Error{Code::kInvalidArgument, "X-Request-Priority: " + named.error().message};
    const Result<Priority> granted = PriorityOf(exchange, *named);
    if (!granted) return granted.error();
    exchange.priority = *granted;
    return std::nullopt;
  }

  void After(const Exchange&, Response&) const override {}
};

}  // namespace

std::unique_ptr<Middleware> NewPriorityMiddleware() { return std::make_unique<PriorityFromHeader>(); }

}  // namespace weir::http
