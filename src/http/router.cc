#include "http/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "base/nearest.h"
#include "codec/candles_json.h"
#include "codec/error.h"
#include "codec/sentiment_json.h"

namespace weir::http {
namespace {

constexpr std::size_t kUsualHeaders = 8;  // room for those that most answers have

// Of a path; there is no route with more.
constexpr std::size_t kMostSegments = 16;

// The segments of "/a/b"; of anything else none, which fits no pattern.
class Segments {
 public:
  explicit Segments(std::string_view rest) {
    while (rest.starts_with('/') && count_ < kMostSegments) {
      rest.remove_prefix(1);
      const std::size_t end = std::min(rest.find('/'), rest.size());
      all_[count_++] = rest.substr(0, end);
      rest.remove_prefix(end);
    }
    if (!rest.empty()) count_ = 0;
  }

  auto begin() const { return all_.begin(); }
  auto end() const { return all_.begin() + static_cast<std::ptrdiff_t>(count_); }

 private:
  std::array<std::string_view, kMostSegments> all_;
  std::size_t count_ = 0;
};

bool IsName(std::string_view segment) { return segment.starts_with('{'); }

bool Fits(std::span<const std::string_view> pattern, const Segments& path) {
  return std::ranges::equal(pattern, path, [](std::string_view wanted, std::string_view given) {
    return IsName(wanted) ? !given.empty() : wanted == given;
  });
}

// What stands for the names of a pattern that fits.
std::vector<std::string> Parameters(std::span<const std::string_view> pattern, const Segments& path) {
  std::vector<std::string> parameters;
  auto given = path.begin();
  for (const std::string_view wanted : pattern) {
    if (IsName(wanted)) parameters.emplace_back(*given);
    ++given;
  }
  return parameters;
}

}  // namespace

Dialect DialectOf(std::string_view path) {
  return path == "/v2" || path.starts_with("/v2/") ? Dialect::kOip : Dialect::kOpenAi;
}

Response ErrorResponse(const Error& error, Dialect dialect, const std::string& id) {
  Response response{.status = codec::HttpStatus(error.code)};
  switch (dialect) {
    case Dialect::kOpenAi: response.body = codec::OpenAiError(error); break;
    case Dialect::kOip: response.body = codec::OipError(error); break;
    case Dialect::kSentiment:
      response.status = codec::SentimentStatus(error);
      response.body = codec::SentimentError(error, id);
      break;
    case Dialect::kCandles:
      response.status = codec::CandlesStatus(error);
      response.body = codec::CandlesError(error, id);
      break;
  }
  if (error.code == Code::kUnauthenticated) response.headers.emplace_back("WWW-Authenticate", "Bearer");  // RFC 6750
  if (error.retry_after.count() > 0) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(error.retry_after).count();
    response.headers.emplace_back("Retry-After", std::to_string(seconds));
  }
  return response;
}

void Router::Add(std::string_view method, std::string_view pattern, Dialect dialect, access::Scope scope,
                 Handler handler) {
  const Segments segments(pattern);
  routes_.push_back({method, pattern, {segments.begin(), segments.end()}, dialect, scope, std::move(handler)});
}

std::vector<Router::RouteInfo> Router::List() const {
  std::vector<RouteInfo> list;
  for (const Entry& entry : routes_) list.push_back({entry.method, entry.pattern, entry.dialect, entry.scope});
  return list;
}

void Router::Route(const ExchangePtr& exchange) const {
  if (auto response = middlewares_.Instead(*exchange)) return exchange->Respond(std::move(*response));
  // HEAD is GET without the body; the connection leaves it out.
  const std::string_view method = exchange->method() == "HEAD" ? "GET" : exchange->method();
  const Segments path(exchange->path());
  const Entry* found = nullptr;
  exchange->dialect = DialectOf(exchange->path());
  for (const Entry& entry : routes_) {
    if (!Fits(entry.segments, path)) continue;
    exchange->scope = entry.scope;  // who may ask there may ask wrongly
    if (entry.method != method) continue;
    exchange->parameters = Parameters(entry.segments, path);
    exchange->route = entry.pattern;
    exchange->dialect = entry.dialect;
    found = &entry;
    break;
  }
  if (const auto error = middlewares_.Before(*exchange)) {
    return exchange->Respond(ErrorResponse(*error, exchange->dialect, exchange->request_id));
  }
  if (found == nullptr) return exchange->Respond(NoRoute(*exchange));
  try {
    found->handler(exchange);
  } catch (const std::exception& e) {
    exchange->Respond(ErrorResponse({Code::kInternal, e.what()}, found->dialect, exchange->request_id));
  }
}

bool Router::LimitBody(std::string_view pattern, std::size_t bytes) {
  bool found = false;
  for (Entry& entry : routes_) {
    if (entry.pattern != pattern) continue;
    entry.max_body = bytes;
    found = true;
  }
  limits_bodies_ = limits_bodies_ || found;
  return found;
}

std::size_t Router::BodyLimitAt(std::string_view path, std::size_t otherwise) const {
  if (!limits_bodies_) return otherwise;
  const Segments segments(path);
  for (const Entry& entry : routes_) {
    if (Fits(entry.segments, segments)) return std::min(entry.max_body.value_or(otherwise), otherwise);
  }
  return otherwise;
}

Dialect Router::DialectAt(std::string_view path) const {
  const Segments segments(path);
  for (const Entry& entry : routes_) {
    if (Fits(entry.segments, segments)) return entry.dialect;
  }
  return DialectOf(path);
}

std::optional<Error> Router::BeforeBody(const HeaderOf& header) const { return middlewares_.BeforeBody(header); }

void Router::Refuse(const ExchangePtr& exchange, const Error& error, std::optional<int> status) const {
  exchange->dialect = DialectAt(exchange->path());
  (void)middlewares_.Before(*exchange);  // the first refusal stands
  Response response = ErrorResponse(error, exchange->dialect, exchange->request_id);
  response.status = status.value_or(response.status);
  exchange->Respond(std::move(response));
}

void Router::Finish(const Exchange& exchange, Response& response) const {
  response.headers.reserve(kUsualHeaders);
  middlewares_.After(exchange, response);
}

Response Router::NoRoute(const Exchange& exchange) const {
  const Segments path(exchange.path());
  std::string allowed;
  std::vector<std::string> known;
  for (const Entry& entry : routes_) {
    known.emplace_back(entry.pattern);
    // "/v2/models/stats" is "/v2/models/{model}" too, which takes the same.
    if (!Fits(entry.segments, path) || allowed.contains(entry.method)) continue;
    if (!allowed.empty()) allowed += ", ";
    allowed += entry.method;
    if (entry.method == "GET") allowed += ", HEAD";
  }
  const Dialect dialect = DialectOf(exchange.path());
  if (allowed.empty()) {
    return ErrorResponse({Code::kNotFound, fmt::format("there is no route {} {}{}", exchange.method(), exchange.path(),
                                                       DidYouMean(exchange.path(), known))},
                         dialect);
  }
  Response response = ErrorResponse({Code::kInvalidArgument, fmt::format("{} does not take {}; it takes {}",
                                                                         exchange.path(), exchange.method(), allowed)},
                                    dialect);
  response.status = 405;
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace weir::http
