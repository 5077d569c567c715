#include <functional>

#include "base/ids.h"
#include "base/log.h"
#include "codec/json_writer.h"
#include "http/middleware.h"

namespace weir::http {
namespace {

constexpr std::size_t kParts = 100;
constexpr int kFailed = 500;  // from here on every answer is written

class AccessLog final : public Middleware {
 public:
  AccessLog(std::size_t percent, const Clock& clock) : percent_(percent), clock_(clock) {}

  std::optional<Error> Before(Exchange&) const override { return std::nullopt; }

  void After(const Exchange& exchange, Response& response) const override {
    const bool chosen = std::hash<std::string_view>()(exchange.request_id) % kParts < percent_;
    if (!chosen && response.status < kFailed) return;
    const TimePoint now = clock_.Now();
    codec::JsonWriter json;
    json.BeginObject().Key("time").String(UtcNow()).Key("request_id").String(exchange.request_id);
    if (!exchange.trace_id.empty()) json.Key("trace_id").String(exchange.trace_id);
    json.Key("method")
        .String(exchange.method())
        .Key("path")
        .String(exchange.path())
        .Key("route")
        .String(exchange.route);
    json.Key("status").Int(response.status).Key("bytes").Int(static_cast<std::int64_t>(response.body.size()));
    json.Key("ms").Double(1000 * Seconds(now - exchange.patience.received));
    if (exchange.key) json.Key("key").String(exchange.key->key().name);
    if (!response.times.empty()) {
      json.Key("queue_ms").Double(1000 * Seconds(response.times.started - response.times.queued));
      json.Key("run_ms").Double(1000 * Seconds(response.times.ended - response.times.started));
    }
    log::Line(json.EndObject().Take());
  }

 private:
  const std::size_t percent_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<Middleware> NewAccessLogMiddleware(std::size_t percent, const Clock& clock) {
  return std::make_unique<AccessLog>(percent, clock);
}

}  // namespace weir::http
