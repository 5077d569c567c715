#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "base/log.h"
#include "http/middleware.h"
#include "metrics/metrics.h"

namespace weir::http {
namespace {

constexpr std::array<std::string_view, 5> kStages = {"tokenize", "queue", "run", "post", "total"};

constexpr std::size_t kUsualLength = 128;

// "queue;dur=0.412": milliseconds, written as whole microseconds with a point in them, a fifth of what formatting a
// double costs.
void AppendStage(std::string& header, std::string_view stage, Duration duration) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(std::max(duration, Duration{})).count();
  std::string digits = std::to_string(us);
  if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
  if (!header.empty()) header += ", ";
  header.append(stage).append(";dur=").append(digits, 0, digits.size() - 3).append(1, '.');
  header.append(digits, digits.size() - 3);
}

class StageTimesMiddleware final : public Middleware {
 public:
  StageTimesMiddleware(Metrics& metrics, const Clock& clock) : clock_(clock) {
    for (const std::string_view stage : kStages) {
      histograms_.push_back(metrics.GetHistogram("weir_request_stage_seconds", "Where the time of an answer went.",
                                                 LatencyBuckets(), {{"stage", std::string(stage)}}));
    }
  }

  std::optional<Error> Before(Exchange&) const override { return std::nullopt; }

  void After(const Exchange& exchange, Response& response) const override {
    const StageTimes& times = response.times;
    if (times.empty()) return;
    const TimePoint now = clock_.Now();
    const std::array<Duration, kStages.size()> durations = {times.queued - exchange.patience.received,
                                                            times.started - times.queued, times.ended - times.started,
                                                            now - times.ended, now - exchange.patience.received};
    std::string header;
    header.reserve(kUsualLength);
    for (std::size_t i = 0; i < kStages.size(); ++i) {
      histograms_[i].Observe(Seconds(durations[i]));
      AppendStage(header, kStages[i], durations[i]);
    }
    response.headers.emplace_back("Server-Timing", std::move(header));
    log::Debug("{} {} {}: {}", exchange.request_id, exchange.route, response.status, response.headers.back().second);
  }

 private:
  const Clock& clock_;
  mutable std::vector<Histogram> histograms_;  // their counting is thread-safe
};

}  // namespace

std::unique_ptr<Middleware> NewStageTimesMiddleware(Metrics& metrics, const Clock& clock) {
  return std::make_unique<StageTimesMiddleware>(metrics, clock);
}

}  // namespace weir::http
