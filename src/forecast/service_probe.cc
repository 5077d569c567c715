#include "forecast/service_probe.h"

#include <vector>

namespace weir::forecast {
namespace {

constexpr std::size_t kMostContainers = 100;

const std::vector<double>& Buckets() {
  static const std::vector<double> buckets = {.05, .1, .25, .5, 1, 2, 5, 10};
  return buckets;
}

}  // namespace

ServiceProbe::ServiceProbe(Metrics& metrics)
    : metrics_(metrics), concurrent_(metrics.GetGauge("kronos_concurrent_requests", "Requests under way.")),
      too_large_(metrics.GetCounter("kronos_request_size_rejections_total", "Requests with too large a body.")),
      input_size_(metrics.GetHistogram("kronos_prediction_input_size", "Candles of a series.",
                                       {50, 100, 200, 400, 800, 1600})) {
  // Seen before the first of them happens.
  for (const char* const route : {"/v1/predict/single", "/v1/predict/batch"}) TimedOut(route).Add(0);
}

Counter ServiceProbe::TimedOut(const std::string& route) {
  return metrics_.GetCounter("kronos_timeouts_total", "Requests whose time was over.", {{"endpoint", route}});
}

void ServiceProbe::Ended(std::string_view route, int status, Duration time) {
  const std::string where(route);
  concurrent_.Add(-1);
  const char* const outcome = status == 504 ? "timeout" : status >= 400 ? "error" : "success";
  metrics_.GetCounter("kronos_requests_total", "Requests answered.", {{"route", where}, {"status", outcome}}).Add();
  metrics_
      .GetHistogram("kronos_request_duration_seconds", "Time from a request to its answer.", Buckets(),
                    {{"route", where}})
      .Observe(Seconds(time));
  if (status == 413) too_large_.Add();
  if (status == 504) TimedOut(where).Add();
}

void ServiceProbe::Inferred(std::string_view route, Duration time) {
  metrics_
      .GetHistogram("kronos_model_inference_seconds", "Time that forecasts took, without waiting.", Buckets(),
                    {{"endpoint", std::string(route)}})
      .Observe(Seconds(time));
}

void ServiceProbe::Stranger(std::string_view container) {
  metrics_
      .GetCounter("kronos_security_events_total", "Requests from containers that are not on the list.",
                  {{"event", "container_not_whitelisted"}, {"container", LabelOf(container)}})
      .Add();
}

void ServiceProbe::RateLimited(std::string_view container) {
  metrics_
      .GetCounter("kronos_rate_limit_hits_total", "Requests over a container's rate.",
                  {{"container", LabelOf(container)}})
      .Add();
}

std::string ServiceProbe::LabelOf(std::string_view container) {
  const MutexLock lock(mu_);
  if (containers_.contains(container)) return std::string(container);
  if (containers_.size() >= kMostContainers || container.size() > 64) return "other";
  return *containers_.emplace(container).first;
}

}  // namespace weir::forecast
