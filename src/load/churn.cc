#include "load/churn.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <thread>

#include "base/pause.h"
#include "load/job_counts.h"
#include "load/process_usage.h"
#include "load/random.h"

namespace weir::load {
namespace {

constexpr std::array<int, 7> kDocumented = {200, 400, 404, 409, 429, 503, 504};
constexpr Duration kSettling = std::chrono::seconds(10);
constexpr Duration kLook = std::chrono::milliseconds(50);
constexpr std::size_t kMostExample = 200;

// The callers of one operation.
class Callers final : public Watcher {
 public:
  Callers(const ChurnPlan& plan, const ChurnOperation& operation, std::uint64_t seed, ChurnTally& tally)
      : operation_(operation), tally_(tally), load_{.endpoint = plan.endpoint, .requests = operation.requests},
        pacer_({.in_flight = operation.callers,
                .warmup = Duration::zero(),
                .duration = plan.duration,
                .timeout = plan.timeout},
               Clock::Steady().Now(), this),
        random_(seed) {}

  Duration Ended(const Shot&, TimePoint, const Outcome& outcome, bool) override {
    tally_.Count(operation_.name, outcome);
    return std::chrono::duration_cast<Duration>(operation_.most_rest * random_.Unit());
  }
  void Dropped(const Shot&) override {}

  Status Drive(std::stop_token stop) {
    Result<Duration> driven = DriveHttp(load_, pacer_, std::move(stop));
    if (!driven) return Forward(driven);
    const Result<Summary> summary = pacer_.Finish();
    if (summary && summary->unfinished > 0) tally_.Add(operation_.name, "unfinished", summary->unfinished);
    return {};
  }

 private:
  const ChurnOperation& operation_;
  ChurnTally& tally_;
  const HttpLoad load_;
  Pacer pacer_;
  Random random_;  // under the pacer's lock
};

Result<JobCounts> AskJobCounts(const ChurnPlan& plan) {
  const auto answer = Fetch(plan.endpoint, {.path = "/metrics"}, plan.timeout);
  if (!answer) return std::unexpected(answer.error());
  return ReadJobCounts(answer->body);
}

std::optional<double> ResidentMb(const ChurnPlan& plan) {
  if (!plan.pid) return std::nullopt;
  const Result<double> bytes = ResidentBytesOf(*plan.pid);
  return bytes ? std::optional(*bytes / 1e6) : std::nullopt;
}

// Waits for what is still under way, and compares what was taken with what was answered.
void CheckJobs(const ChurnPlan& plan, const JobCounts& before, ChurnResult& result) {
  const TimePoint limit = Clock::Steady().Now() + kSettling;
  JobCounts added;
  do {
    const Result<JobCounts> now = AskJobCounts(plan);
    if (!now) return result.broken.push_back("after it: " + now.error().message);
    added = Difference(*now, before);
    if (added.in_flight == 0 && added.received == added.answers()) break;
    Pause(kLook, {});
  } while (Clock::Steady().Now() < limit);
  result.jobs_received = added.received;
  for (const auto& [outcome, count] : added.answered) {
    if (count > 0) result.jobs_answered[outcome] = count;
  }
  if (added.received != added.answers()) {
    result.broken.push_back(fmt::format("the server took {} jobs and answered {}", added.received, added.answers()));
  }
  if (added.in_flight > 0) {
    result.broken.push_back(fmt::format("{} jobs are still under way, and nobody waits for them", added.in_flight));
  }
}

// The server has to be as good as before.
void CheckEnd(const ChurnPlan& plan, ChurnResult& result) {
  for (const HttpRequest& request : plan.at_the_end) {
    const auto answer = Fetch(plan.endpoint, request, plan.timeout);
    if (answer && answer->status == 200) continue;
    const std::string what =
        answer ? fmt::format("{}: {}", answer->status, answer->body.substr(0, kMostExample)) : answer.error().message;
    result.broken.push_back(fmt::format("after it, {} {} gave {}", request.method, request.path, what));
  }
}

}  // namespace

bool DocumentedStatus(int status) { return std::ranges::find(kDocumented, status) != kDocumented.end(); }

void ChurnTally::Count(const std::string& operation, const Outcome& outcome) {
  const std::string what = outcome.status > 0 ? std::to_string(outcome.status) : outcome.error;
  const MutexLock lock(mu_);
  ++counts_[operation][what];
  ++answers_;
  if (outcome.status > 0 && DocumentedStatus(outcome.status)) return;
  examples_.emplace(operation + " " + what, outcome.example.substr(0, kMostExample));
}

void ChurnTally::Add(const std::string& operation, const std::string& what, std::uint64_t count) {
  const MutexLock lock(mu_);
  counts_[operation][what] += count;
}

std::uint64_t ChurnTally::answers() const {
  const MutexLock lock(mu_);
  return answers_;
}

void ChurnTally::Finish(ChurnResult& result) const {
  const MutexLock lock(mu_);
  result.operations = counts_;
  result.examples = examples_;
  for (const auto& [what, example] : examples_) {
    const std::size_t space = what.find(' ');
    const std::uint64_t count = counts_.at(what.substr(0, space)).at(what.substr(space + 1));
    result.broken.push_back(fmt::format("{} x {}: {}", count, what, example));
  }
}

Result<ChurnResult> RunChurn(const ChurnPlan& plan, ChurnTally& tally, const std::stop_token& stop) {
  ChurnResult result;
  JobCounts before;
  if (plan.metrics) {
    const Result<JobCounts> asked = AskJobCounts(plan);
    if (!asked) return std::unexpected(asked.error());
    before = *asked;
  }
  result.resident_before_mb = ResidentMb(plan);
  const TimePoint begun = Clock::Steady().Now();
  std::vector<std::unique_ptr<Callers>> kinds;
  for (const ChurnOperation& operation : plan.operations) {
    kinds.push_back(std::make_unique<Callers>(plan, operation, plan.seed + kinds.size(), tally));
  }
  std::vector<Status> ends(kinds.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      threads.emplace_back([&, i] { ends[i] = kinds[i]->Drive(stop); });
    }
  }
  for (Status& end : ends) {
    if (!end) return Forward(end);
  }
  result.seconds = Seconds(Clock::Steady().Now() - begun);
  result.ended_early = stop.stop_requested();
  tally.Finish(result);
  CheckEnd(plan, result);
  if (plan.metrics) CheckJobs(plan, before, result);
  result.resident_after_mb = ResidentMb(plan);
  return result;
}

}  // namespace weir::load
