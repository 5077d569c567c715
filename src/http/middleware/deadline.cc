#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "http/middleware.h"

namespace weir::http {
namespace {

class DeadlineFromHeader final : public Middleware {
 public:
  explicit DeadlineFromHeader(const DeadlineLimits& limits) : limits_(limits) {}

  std::optional<Error> Before(Exchange& exchange) const override {
    exchange.patience.deadline = Deadline(exchange.patience.received + limits_.fallback);
    const std::string_view given = exchange.Header("x-request-timeout-ms");
    if (given.data() == nullptr) return std::nullopt;
    std::int64_t milliseconds = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), milliseconds);
    if (error == std::errc::result_out_of_range) milliseconds = std::numeric_limits<std::int64_t>::max();
    const bool is_number = error == std::errc() || error == std::errc::result_out_of_range;
    if (!is_number || end != given.data() + given.size() || milliseconds < 1 || given.starts_with('-')) {
      return Error{Code::kInvalidArgument,
                   fmt::format("X-Request-Timeout-Ms must be a whole number of 1 or more, not '{}'", given)};
    }
    exchange.patience.is_named = true;
    const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(limits_.most).count();
    exchange.patience.deadline =
        Deadline(exchange.patience.received + std::chrono::milliseconds(std::min(milliseconds, most)));
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
