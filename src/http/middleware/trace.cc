#include <algorithm>
#include <array>

#include "base/ids.h"
#include "http/middleware.h"

namespace weir::http {
namespace {

constexpr std::string_view kVersion = "00";
constexpr std::size_t kTrace = 32;
constexpr std::size_t kSpan = 16;
constexpr std::size_t kLength = 2 + 1 + kTrace + 1 + kSpan + 1 + 2;

bool IsHex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsZero(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == '0'; });
}

// "00-" trace "-" span "-" flags. A later version may have more behind that.
bool IsTraceParent(std::string_view text) {
  if (text.size() < kLength || text.starts_with("ff") || !IsHex(text.substr(0, 2))) return false;
  if (text.starts_with(kVersion) ? text.size() != kLength : text.size() > kLength && text[kLength] != '-') return false;
  const std::string_view trace = text.substr(3, kTrace);
  const std::string_view span = text.substr(4 + kTrace, kSpan);
  const std::string_view flags = text.substr(5 + kTrace + kSpan, 2);
  const bool dashes = text[2] == '-' && text[3 + kTrace] == '-' && text[4 + kTrace + kSpan] == '-';
  return dashes && IsHex(trace) && IsHex(span) && IsHex(flags) && !IsZero(trace) && !IsZero(span);
}

class Trace final : public Middleware {
 public:
  std::optional<Error> Before(Exchange& exchange) const override {
    const std::string_view given = exchange.Header("traceparent");
    if (!IsTraceParent(given)) return std::nullopt;
    exchange.trace_id = given.substr(3, kTrace);
    exchange.trace_flags = given.substr(5 + kTrace + kSpan, 2);
    return std::nullopt;
  }

  void After(const Exchange& exchange, Response& response) const override {
    if (exchange.trace_id.empty()) return;
    std::string text(kVersion);
    text.append("-").append(exchange.trace_id).append("-").append(NewTraceId(), 0, kSpan);
    text.append("-").append(exchange.trace_flags);
    response.headers.emplace_back("traceparent", std::move(text));
  }
};

}  // namespace

std::unique_ptr<Middleware> NewTraceMiddleware() { return std::make_unique<Trace>(); }

}  // namespace weir::http
