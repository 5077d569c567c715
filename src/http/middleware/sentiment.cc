#include "http/middleware.h"

namespace weir::http {
namespace {

class SentimentMetrics final : public Middleware {
 public:
  SentimentMetrics(sentiment::Probe& probe, const Clock& clock) : probe_(probe), clock_(clock) {}

  std::optional<Error> Before(Exchange& exchange) const override {
    if (exchange.dialect == Dialect::kSentiment) probe_.Began();
    return std::nullopt;
  }

  void After(const Exchange& exchange, Response& response) const override {
    if (exchange.dialect != Dialect::kSentiment) return;
    probe_.Ended(exchange.route, exchange.method(), response.status, clock_.Now() - exchange.patience.received);
  }

 private:
  sentiment::Probe& probe_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<Middleware> NewSentimentMiddleware(sentiment::Probe& probe, const Clock& clock) {
  return std::make_unique<SentimentMetrics>(probe, clock);
}

}  // namespace weir::http
