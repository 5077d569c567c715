#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "http/middleware.h"

namespace weir::http {
namespace {

class DeadlineFromHeader final : public Middleware {
 public:
  explicit DeadlineFromHeader(const DeadlineLimits& limits) : limits_(limits) {}

  std::optional<Error> Before(Exchange& exchange) const override {
    exchange.deadline = Deadline(exchange.received + limits_.fallback);
    const std::string_view given = exchange.Header("x-request-timeout-ms");
    if (given.empty()) return std::nullopt;
    std::int64_t milliseconds = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), milliseconds);
    if (error != std::errc() || end != given.data() + given.size() || milliseconds < 1) {
      return Error{Code::kInvalidArgument,
                   fmt::format("X-Request-Timeout-Ms must be a whole number of 1 or more, not '{}'", given)};
    }
    const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(limits_.most).count();
    exchange.deadline = Deadline(exchange.received + std::chrono::milliseconds(std::min(milliseconds, most)));
    return std::nullopt;
  }

  void After(const Exchange&, Response&) const override {}

 private:
  const DeadlineLimits limits_;
};

}  // namespace

std::unique_ptr<Middleware> NewDeadlineMiddleware(const DeadlineLimits& limits) {
  return std::make_unique<DeadlineFromHeader>(limits);
}

}  // namespace weir::http
