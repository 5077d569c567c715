#include "load/overload.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/machine.h"
#include "base/pause.h"
#include "load/process_usage.h"

namespace weir::load {
namespace {

constexpr std::array<std::size_t, 4> kTries = {64, 32, 16, 8};
constexpr Duration kPatience = std::chrono::seconds(30);
constexpr Duration kLongestRecovery = std::chrono::seconds(60);
// From here on requests are sent in ticks: LoadOptions::tick.
constexpr double kManyPerSecond = 1000;
constexpr Duration kTick = std::chrono::milliseconds(1);
constexpr Duration kBetweenTries = std::chrono::milliseconds(10);

// What a run used of the processors.
class CpuMeter {
 public:
  explicit CpuMeter(std::optional<pid_t> pid)
      : pid_(pid), begun_(Clock::Steady().Now()), own_(OwnCpuSeconds()), server_(ServerSeconds()) {}

  CpuUse Read() const {
    const double machine = Seconds(Clock::Steady().Now() - begun_) * ThisMachine().cores();
    CpuUse use{.own_percent = 100 * (OwnCpuSeconds() - own_) / machine};
    const std::optional<double> server = ServerSeconds();
    if (server && server_) use.server_percent = 100 * (*server - *server_) / machine;
    return use;
  }

 private:
  std::optional<double> ServerSeconds() const {
    if (!pid_) return std::nullopt;
    const Result<double> seconds = CpuSecondsOf(*pid_);
    return seconds ? std::optional(*seconds) : std::nullopt;
  }

  const std::optional<pid_t> pid_;
  const TimePoint begun_;
  const double own_;
  const std::optional<double> server_;
};

struct Run {
  Summary summary;
  Duration cpu;  // of the threads that sent and received
  OverloadCounts counts;
};

// One load from begin to end. kCancelled when it was ended before anything was measured.
Result<Run> RunOne(const std::string& name, const HttpLoad& http, const LoadOptions& load, OverloadTally& tally,
                   OverloadView& view, const std::stop_token& stop,
                   const std::function<void(TimePoint end)>& meanwhile = {}) {
  Pacer pacer(load, Clock::Steady().Now(), &tally);
  tally.SetStart(pacer.start());
  view.Enter(name, pacer);
  Result<Duration> driven;
  {
    std::jthread beside;
    if (meanwhile) beside = std::jthread([&] { meanwhile(pacer.end()); });
    driven = DriveHttp(http, pacer, stop);
  }
  view.Leave();
  if (!driven) return Forward(driven);
  Result<Summary> summary = pacer.Finish();
  if (!summary) return Forward(summary);
  const std::uint64_t requests = summary->requests;
  return Run{std::move(*summary), *driven, tally.Finish(requests)};
}

// Asks one request after the other from `begin` on; the seconds until one has been answered within the deadline.
std::optional<double> TimeToRecover(const OverloadPlan& plan, TimePoint begin, const std::stop_token& stop) {
  Pause(begin - Clock::Steady().Now(), stop);
  std::size_t number = 0;
  while (!stop.stop_requested() && Clock::Steady().Now() < begin + kLongestRecovery) {
    const HttpRequest& request = plan.load.requests[number++ % plan.load.requests.size()];
    const auto answer = Fetch(plan.load.endpoint, request, plan.deadline);
    if (answer && answer->status == 200) return Seconds(Clock::Steady().Now() - begin);
    Pause(kBetweenTries, stop);
  }
  return std::nullopt;
}

LoadOptions ClosedLoop(const OverloadPlan& plan, std::size_t clients, Duration warmup, Duration duration) {
  return {.in_flight = clients, .warmup = warmup, .duration = duration, .timeout = kPatience, .seed = plan.seed};
}

Status FindCapacity(const OverloadPlan& plan, OverloadResult& result, OverloadView& view, const std::stop_token& stop) {
  const auto measure = [&](std::size_t connections, Duration warmup, Duration duration) -> Result<Run> {
    OverloadTally tally(kPatience, Manners::kWaitExact);
    const std::string name = fmt::format("capacity, {} at once", connections);
    Result<Run> run = RunOne(name, plan.capacity, ClosedLoop(plan, connections, warmup, duration), tally, view, stop);
    if (!run) return run;
    result.tries.push_back({connections, static_cast<double>(run->counts.good_in_time) / run->summary.seconds});
    return run;
  };
  result.connections = plan.connections;
  if (plan.connections == 0) {
    for (const std::size_t connections : kTries) {
      const Result<Run> run = measure(connections, plan.warmup / 4, plan.duration / 4);
      if (!run) return std::unexpected(run.error());
    }
    result.connections = std::ranges::max_element(result.tries, {}, &CapacityTry::per_second)->connections;
  }
  const Result<Run> run = measure(result.connections, plan.warmup, plan.duration);
  if (!run) return std::unexpected(run.error());
  if (stop.stop_requested()) return Fail(Code::kCancelled, "the run was ended before the capacity was known");
  result.capacity = result.tries.back().per_second;
  result.capacity_latency = run->counts.answered;
  if (result.capacity > 0) return {};
  const auto& reasons = run->counts.reasons;
  return Fail(Code::kUnavailable, fmt::format("not one of {} requests succeeded: {}", run->counts.requests,
                                              reasons.empty() ? "none was answered" : reasons.begin()->first));
}

// Fills in what is alike for all parts.
Result<OverloadPart> Measure(const OverloadPlan& plan, const OverloadResult& so_far, OverloadPart part,
                             const LoadOptions& load, Manners manners, OverloadView& view,
                             const std::stop_token& stop) {
  OverloadTally tally(plan.deadline, manners);
  Probes probes(plan.load.endpoint, plan.probes);
  const CpuMeter cpu(plan.pid);
  const auto recover = [&](TimePoint end) { part.recovery_s = TimeToRecover(plan, end, stop); };
  Result<Run> run = RunOne(part.name, plan.load, load, tally, view, stop,
                           load.open() ? std::function<void(TimePoint)>(recover) : nullptr);
  part.probes = probes.Finish();
  if (!run) return Forward(run);
  part.seconds = run->summary.seconds;
  part.counts = std::move(run->counts);
  part.cpu = cpu.Read();
  const double share = Seconds(load.duration) / Seconds(load.duration + load.warmup);  // of the requests, that counted
  part.cpu.own_us_per_request =
      Seconds(run->cpu) * 1e6 * share / static_cast<double>(std::max<std::uint64_t>(part.counts.requests, 1));
  part.good_per_second = static_cast<double>(part.counts.good_in_time) / part.seconds;
  part.good_percent = 100 * part.good_per_second / so_far.capacity;
  return part;
}

}  // namespace

OverloadView::Now OverloadView::Look(TimePoint now) const {
  const MutexLock lock(mu_);
  Now look = now_;
  if (pacer_ != nullptr) look.progress = pacer_->progress(now);
  return look;
}

void OverloadView::Expect(std::size_t parts) {
  const MutexLock lock(mu_);
  now_.parts = parts;
}

void OverloadView::Enter(const std::string& part, const Pacer& pacer) {
  const MutexLock lock(mu_);
  now_.part = part;
  ++now_.number;
  pacer_ = &pacer;
}

void OverloadView::Leave() {
  const MutexLock lock(mu_);
  pacer_ = nullptr;
}

Result<OverloadResult> MeasureOverload(const OverloadPlan& plan, OverloadView& view, const std::stop_token& stop) {
  const std::size_t finding = plan.known_capacity ? 0 : plan.connections > 0 ? 1 : kTries.size() + 1;
  view.Expect(finding + plan.factors.size() + (plan.clients > 0 ? 2 : 0));
  OverloadResult result;
  if (plan.known_capacity) {
    result.capacity = *plan.known_capacity;
  } else {
    Status found = FindCapacity(plan, result, view, stop);
    if (!found) return Forward(found);
  }
  const auto add = [&](OverloadPart part, LoadOptions load, Manners manners) -> Status {
    load.timeout = plan.deadline;
    load.strict = true;
    if (stop.stop_requested()) return {};
    Result<OverloadPart> measured = Measure(plan, result, std::move(part), load, manners, view, stop);
    if (measured) result.parts.push_back(std::move(*measured));
    if (!measured && measured.error().code != Code::kCancelled) return Forward(measured);
    return {};
  };
  for (const double factor : plan.factors) {
    LoadOptions load = ClosedLoop(plan, plan.max_in_flight, plan.warmup, plan.duration);
    load.rate = factor * result.capacity;
    if (load.rate >= kManyPerSecond) load.tick = kTick;
    Status added = add({.name = fmt::format("{:g} C", factor), .rate = load.rate}, load, Manners::kNone);
    if (!added) return Forward(added);
  }
  const std::array<std::pair<const char*, Manners>, 2> kinds = {
      {{"polite", plan.exact ? Manners::kWaitExact : Manners::kWait}, {"impatient", Manners::kImpatient}}};
  for (const auto& [name, manners] : kinds) {
    if (plan.clients == 0) break;
    const LoadOptions load = ClosedLoop(plan, plan.clients, plan.warmup, plan.duration);
    Status added = add({.name = name, .clients = plan.clients}, load, manners);
    if (!added) return Forward(added);
  }
  result.ended_early = stop.stop_requested();
  return result;
}

}  // namespace weir::load
