// One concern each, around every request.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "forecast/container_gate.h"
#include "forecast/service_probe.h"
#include "http/exchange.h"
#include "metrics/metrics.h"
#include "sentiment/probe.h"

namespace weir::http {

// Immutable after construction; both functions are called on many threads at once and must not block.
class Middleware {
 public:
  virtual ~Middleware() = default;
  // Before the handler. An error ends the request here.
  virtual std::optional<Error> Before(Exchange& exchange) const = 0;
  // An answer in the place of all else, before routing; for questions about the server and no route's.
  virtual std::optional<Response> Instead(const Exchange& /*exchange*/) const { return std::nullopt; }
  // Once the header has come and while a body is still to come: an error spares the client the sending.
  virtual std::optional<Error> BeforeBody(const HeaderOf& /*header*/) const { return std::nullopt; }
  // Before the answer goes out, whoever made it.
  virtual void After(const Exchange& exchange, Response& response) const = 0;
};

// All that a transport has around its requests. Filled at start by the composition root, then immutable and
// thread-safe.
class Middlewares {
 public:
  void Add(std::unique_ptr<Middleware> middleware) { all_.push_back(std::move(middleware)); }

  // The first refusal, or nothing.
  std::optional<Error> Before(Exchange& exchange) const {
    for (const auto& middleware : all_) {
      if (auto error = middleware->Before(exchange)) return error;
    }
    return std::nullopt;
  }
  std::optional<Response> Instead(const Exchange& exchange) const {
    for (const auto& middleware : all_) {
      if (auto response = middleware->Instead(exchange)) return response;
    }
    return std::nullopt;
  }
  // Why a request whose body has not come yet need not send it; nullopt when it may.
  std::optional<Error> BeforeBody(const HeaderOf& header) const {
    for (const auto& middleware : all_) {
      if (auto error = middleware->BeforeBody(header)) return error;
    }
    return std::nullopt;
  }
  void After(const Exchange& exchange, Response& response) const {
    for (const auto& middleware : all_) middleware->After(exchange, response);
  }

 private:
  std::vector<std::unique_ptr<Middleware>> all_;
};

// X-Request-Id: taken from the client when it is printable and short, else made; sent back. To clients of the sentiment
// service it is X-Correlation-ID too.
std::unique_ptr<Middleware> NewRequestIdMiddleware();

struct DeadlineLimits {
  Duration fallback = std::chrono::seconds(30);
  Duration most = std::chrono::seconds(300);
};
// X-Request-Timeout-Ms: the client's patience, cut to the server's maximum.
std::unique_ptr<Middleware> NewDeadlineMiddleware(const DeadlineLimits& limits);

// Whose a request is and what it may do. Where keys are required, by its key (Authorization: Bearer, else X-API-Key),
// within the key's scopes and limits, with RateLimit fields in the answer. Elsewhere clients are only told apart, by
// what they send there, else by their address. `keys` outlives it.
std::unique_ptr<Middleware> NewKeyMiddleware(const access::KeyRing& keys, const Clock& clock);

// X-Request-Priority: the class of the request, within what its key may have.
std::unique_ptr<Middleware> NewPriorityMiddleware();

// weir_http_requests_total and weir_http_request_seconds, by route and status; of another transport under its name.
std::unique_ptr<Middleware> NewMetricsMiddleware(Metrics& metrics, const Clock& clock,
                                                 std::string_view transport = "http");

// Where the time of a request went, once for everybody: the Server-Timing header, weir_request_stage_seconds and a
// debug line. Its stages follow each other without a gap: tokenize (from the request's last byte: parsing, admission,
// tokenizing), queue, run, post (writing the answer); they add up to total.
std::unique_ptr<Middleware> NewStageTimesMiddleware(Metrics& metrics, const Clock& clock);

// The metrics of the sentiment service, of its routes. `probe` outlives it. It is to be the first of all.
std::unique_ptr<Middleware> NewSentimentMiddleware(sentiment::Probe& probe, const Clock& clock);

// The metrics of the candle forecasting service, of its routes. `probe` outlives it. It is to be the first of all.
std::unique_ptr<Middleware> NewCandlesMetricsMiddleware(forecast::ServiceProbe& probe, const Clock& clock);

// X-Container-Name: which container asks that service, within its list and its rate, told in X-RateLimit fields. One
// that does not say is known by its address, as "localhost" from this machine. What tells how the service is, everybody
// may ask. `gate` and `probe` outlive it.
std::unique_ptr<Middleware> NewContainersMiddleware(forecast::ContainerGate& gate, forecast::ServiceProbe& probe,
                                                    const Clock& clock);

// traceparent: the trace that a request belongs to goes on in its answer, with a span of its own.
// Source: W3C Trace Context, "traceparent Header".
std::unique_ptr<Middleware> NewTraceMiddleware();

// A line of JSON on stderr for each answer: of so many in a hundred requests, chosen by their ids, and of all that
// failed. No bodies, no queries, no keys but their names.
std::unique_ptr<Middleware> NewAccessLogMiddleware(std::size_t percent, const Clock& clock);

// Pages of these origins, and of no others, may ask from a browser.
// Source: the WHATWG's Fetch standard, "CORS protocol".
std::unique_ptr<Middleware> NewCorsMiddleware(std::vector<std::string> origins);

}  // namespace weir::http
