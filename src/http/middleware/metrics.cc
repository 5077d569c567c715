#include "metrics/metrics.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "http/middleware.h"

namespace weir::http {
namespace {

// One pair of metrics per (route, status), made when it is first seen: both are closed sets.
class RequestMetrics final : public Middleware {
 public:
  RequestMetrics(Metrics& metrics, const Clock& clock, std::string_view transport)
      : metrics_(metrics), clock_(clock), transport_(transport) {}

  std::optional<Error> Before(Exchange&) const override { return std::nullopt; }

  void After(const Exchange& exchange, Response& response) const override {
    Series series = Find({exchange.route, response.status});
    series.requests.Add();
    series.seconds.Observe(Seconds(clock_.Now() - exchange.patience.received));
  }

 private:
  struct Key {
    std::string_view route;
    int status;
    auto operator<=>(const Key&) const = default;
  };
  struct Series {
    Counter requests;
    Histogram seconds;
  };

  Series Find(const Key& key) const {
    {
      const std::shared_lock lock(mu_);
      const auto found = series_.find(key);
      if (found != series_.end()) return found->second;
    }
    const std::unique_lock lock(mu_);
    const std::string route(key.route);
    Series made{metrics_.GetCounter(fmt::format("weir_{}_requests_total", transport_),
                                    fmt::format("Requests answered over {}.", transport_),
                                    {{"route", route}, {"status", std::to_string(key.status)}}),
                metrics_.GetHistogram(fmt::format("weir_{}_request_seconds", transport_),
                                      "Time from the last byte of a request to its answer.", LatencyBuckets(),
                                      {{"route", route}})};
    return series_.emplace(key, made).first->second;
  }

  Metrics& metrics_;
  const Clock& clock_;
  const std::string transport_;
  // Readers share; written once per route and status. Not the annotated Mutex, which has no shared mode.
  mutable std::shared_mutex mu_;
  mutable std::map<Key, Series> series_;
};

}  // namespace

std::unique_ptr<Middleware> NewMetricsMiddleware(Metrics& metrics, const Clock& clock, std::string_view transport) {
  return std::make_unique<RequestMetrics>(metrics, clock, transport);
}

}  // namespace weir::http
