#include "sentiment/probe.h"

#include <array>

namespace weir::sentiment {

Probe::Probe(Metrics& metrics)
    : metrics_(metrics), active_(metrics.GetGauge("sentiment_active_requests", "Requests under way.")),
      loaded_(metrics.GetGauge("sentiment_model_loaded", "1 while the model answers requests.")),
      inference_(metrics.GetHistogram("sentiment_inference_duration_seconds", "Time from a question to its prediction.",
                                      LatencyBuckets())),
      score_(metrics.GetHistogram("sentiment_prediction_score", "Scores of predictions.",
                                  {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1})),
      length_(metrics.GetHistogram("sentiment_text_length_characters", "Characters of the texts.",
                                   {10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000})) {
  // What dashboards of such services ask for; it is true that there is none of it here.
  constexpr std::array<const char*, 4> kCuda = {"available", "device_count", "memory_allocated_bytes",
                                                "memory_reserved_bytes"};
  for (const char* const name : kCuda) {
    metrics.GetGauge(std::string("sentiment_cuda_") + name, "Of CUDA as PyTorch sees it, which has no part in this.")
        .Set(0);
  }
  metrics.GetGauge("sentiment_torch_version", "0: there is no PyTorch in this.", {{"version", "none"}}).Set(0);
}

void Probe::Began() {
  active_.Add(1);
  const MutexLock lock(mu_);
  ++counts_.active;
}

void Probe::Ended(std::string_view endpoint, std::string_view method, int status, Duration time) {
  const std::string where(endpoint);
  const std::string how(method);
  active_.Add(-1);
  metrics_
      .GetCounter("sentiment_requests_total", "Requests answered.",
                  {{"endpoint", where}, {"method", how}, {"status_code", std::to_string(status)}})
      .Add();
  metrics_
      .GetHistogram("sentiment_request_duration_seconds", "Time from a request to its answer.", LatencyBuckets(),
                    {{"endpoint", where}, {"method", how}})
      .Observe(Seconds(time));
  const MutexLock lock(mu_);
  --counts_.active;
  ++counts_.requests;
  if (status >= 400) ++counts_.failed;
}

void Probe::Predicted(const Prediction& prediction) {
  inference_.Observe(Seconds(prediction.time));
  score_.Observe(prediction.score);
  length_.Observe(static_cast<double>(prediction.text_length));
  const MutexLock lock(mu_);
  ++counts_.predictions;
  counts_.cached += prediction.cached ? 1 : 0;
  counts_.prediction_seconds += Seconds(prediction.time);
}

Counts Probe::counts() const {
  const MutexLock lock(mu_);
  return counts_;
}

}  // namespace weir::sentiment
