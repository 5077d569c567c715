#include "load/tally.h"

#include <array>

namespace weir::load {
namespace {

constexpr Duration kLate = std::chrono::milliseconds(1);
constexpr Duration kSecond = std::chrono::seconds(1);
constexpr std::size_t kMostExample = 300;

constexpr std::array<std::pair<const char*, double>, 6> kPercentiles = {
    {{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p99_9", 99.9}, {"max", 100}}};

double Milliseconds(Duration d) { return Seconds(d) * 1e3; }

}  // namespace

void Tally::Count(const Shot& shot) {
  ++summary_.requests;
  if (shot.sent - shot.due <= kLate) return;
  ++summary_.late;
  if (shot.held) ++summary_.held;
}

void Tally::Sent(const Shot& shot) {
  if (shot.counted) Count(shot);
}

void Tally::Ended(const Shot& shot, TimePoint now, const Outcome& outcome, bool in_time) {
  if (in_time && now >= start_) {
    CloseSeconds(now);
    ++(outcome.ok() ? current_.answers : current_.errors);
    if (outcome.ok()) ++summary_.completed;
  }
  if (!shot.counted) return;
  last_end_ = std::max(last_end_, now);
  if (outcome.ok()) {
    ++summary_.succeeded;
  } else {
    ++summary_.failed;
    ErrorCount& error = summary_.errors[outcome.error];
    if (error.count++ == 0) error.example = outcome.example.substr(0, kMostExample);
  }
  if (outcome.ok() || outcome.gave_up) (in_time ? second_ : all_).Add(now - shot.due);
}

void Tally::Dropped(const Shot& shot, TimePoint now, bool in_time) {
  if (!shot.counted) return;
  Count(shot);
  ++summary_.dropped;
  last_end_ = std::max(last_end_, now);
  (in_time ? second_ : all_).Add(now - shot.due);
}

// Ends every second that is over at `now`.
void Tally::CloseSeconds(TimePoint now) {
  while (now >= start_ + kSecond * static_cast<Duration::rep>(summary_.samples.size() + 1)) {
    if (second_.count() > 0) {
      current_.p50_ms = Milliseconds(second_.Percentile(50));
      current_.p99_ms = Milliseconds(second_.Percentile(99));
    }
    summary_.samples.push_back(current_);
    current_ = {};
    all_.Add(second_);
    second_.Clear();
  }
}

Summary Tally::Finish(TimePoint end) {
  CloseSeconds(end);
  all_.Add(second_);
  second_.Clear();
  Summary summary = summary_;
  summary.seconds = std::max(0.0, Seconds(end - start_));
  if (summary.seconds > 0) summary.per_second = static_cast<double>(summary.completed) / summary.seconds;
  summary.mean_ms = Milliseconds(all_.mean());
  summary.least_ms = Milliseconds(all_.least());
  for (const auto& [name, percent] : kPercentiles) {
    summary.percentiles_ms.emplace_back(name, Milliseconds(all_.Percentile(percent)));
  }
  for (const auto& [upper, count] : all_.Coarse()) summary.distribution.emplace_back(Milliseconds(upper), count);
  return summary;
}

}  // namespace weir::load
