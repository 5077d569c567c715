#include <fmt/format.h>

#include <array>
#include <string_view>

#include "base/log.h"
#include "http/middleware.h"
#include "metrics/metrics.h"

namespace weir::http {
namespace {

constexpr std::array<std::string_view, 5> kStages = {"tokenize", "queue", "run", "post", "total"};
using Durations = std::array<double, kStages.size()>;  // seconds

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
    const Durations durations = {Seconds(times.queued - exchange.received), Seconds(times.started - times.queued),
                                 Seconds(times.ended - times.started), Seconds(now - times.ended),
                                 Seconds(now - exchange.received)};
    fmt::memory_buffer header;
    for (std::size_t i = 0; i < kStages.size(); ++i) {
      histograms_[i].Observe(durations[i]);
      fmt::format_to(std::back_inserter(header), "{}{};dur={:.3f}", i == 0 ? "" : ", ", kStages[i], durations[i] * 1e3);
    }
    response.headers.emplace_back("Server-Timing", fmt::to_string(header));
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
