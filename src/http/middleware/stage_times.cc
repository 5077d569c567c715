#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"
#include "http/middleware.h"
#include "metrics/metrics.h"

namespace weir::http {
namespace {

constexpr std::array<std::string_view, 5> kStages = {"tokenize", "queue", "run", "post", "total"};

// "tokenize;dur=0.013, queue;dur=0.412, ...": milliseconds, written as whole microseconds with a point in them.
class Header {
 public:
  void Add(std::string_view stage, Duration duration) {
    if (end_ != text_.begin()) Append(", ");
    Append(stage);
    Append(";dur=");
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(std::max(duration, Duration{})).count();
    end_ = std::to_chars(end_, text_.end(), us / kThousand).ptr;
    *end_++ = '.';
    for (std::int64_t digit = us % kThousand, unit = kThousand / 10; unit > 0; digit %= unit, unit /= 10) {
      *end_++ = static_cast<char>('0' + digit / unit);
    }
  }

  std::string_view text() const { return {text_.begin(), end_}; }

 private:
  static constexpr std::int64_t kThousand = 1000;
  static constexpr std::size_t kMost = kStages.size() * 40;  // its name, and the longest number

  void Append(std::string_view piece) { end_ = std::ranges::copy(piece, end_).out; }

  std::array<char, kMost> text_;
  char* end_ = text_.begin();
};

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
    for (std::size_t i = 0; i < kStages.size(); ++i) histograms_[i].Observe(Seconds(durations[i]));
    const bool is_told = exchange.Tells(response);
    if (!is_told && !log::Enabled(log::Level::kDebug)) return;
    Header header;
    for (std::size_t i = 0; i < kStages.size(); ++i) header.Add(kStages[i], durations[i]);
    if (is_told) response.headers.emplace_back("Server-Timing", header.text());
    log::Debug("{} {} {}: {}", exchange.request_id, exchange.route, response.status, header.text());
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
