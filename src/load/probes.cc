#include "load/probes.h"

#include <array>

#include "base/thread_name.h"
#include "load/http_driver.h"

namespace weir::load {
namespace {

constexpr Duration kInterval = std::chrono::milliseconds(50);
constexpr Duration kTimeout = std::chrono::seconds(5);

LoadOptions ProbeLoad() {
  return {.in_flight = 1, .warmup = Duration::zero(), .duration = std::chrono::hours(24), .timeout = kTimeout};
}

class ProbeTally final : public Watcher {
 public:
  Duration Ended(const Shot& shot, TimePoint now, const Outcome& outcome, bool) override {
    Duration took = now - shot.sent;
    failed_ += outcome.ok() ? 0 : 1;
    const Duration rest = took < kInterval ? kInterval - took : Duration::zero();
    for (; took > Duration::zero(); took -= kInterval) latencies_.Add(took);
    return rest;
  }
  void Dropped(const Shot&) override {}

  std::uint64_t failed() const { return failed_; }
  const LatencyHistogram& latencies() const { return latencies_; }

 private:
  std::uint64_t failed_ = 0;
  LatencyHistogram latencies_;
};

}  // namespace

std::vector<std::string> FindProbePaths(const Endpoint& endpoint, const HttpRequest& like) {
  static constexpr std::array<std::array<const char*, 2>, 3> kPaths = {
      {{"/livez", "/v2/health/live"}, {"/readyz", "/v2/health/ready"}, {"/metrics", nullptr}}};
  std::vector<std::string> found;
  for (const auto& alternatives : kPaths) {
    for (const char* path : alternatives) {
      if (path == nullptr) continue;
      const auto answer = Fetch(endpoint, {.path = path, .headers = like.headers}, kTimeout);
      if (!answer || answer->status != 200) continue;
      found.emplace_back(path);
      break;
    }
  }
  return found;
}

class Probes::One {
 public:
  One(const Endpoint& endpoint, std::string path)
      : path_(std::move(path)),
        load_{.endpoint = endpoint, .requests = {{.path = path_, .headers = {{"Connection", "close"}}}}},
        pacer_(ProbeLoad(), Clock::Steady().Now(), &tally_), thread_([this](std::stop_token stop) {
          SetThreadName("probe");
          driven_ = DriveHttp(load_, pacer_, std::move(stop));
        }) {}

  void RequestStop() { thread_.request_stop(); }
  ProbeResult Finish() {
    thread_.join();
    return {.path = path_, .failed = tally_.failed() + (driven_ ? 0 : 1), .latency = Latencies::Of(tally_.latencies())};
  }

 private:
  const std::string path_;
  const HttpLoad load_;
  ProbeTally tally_;
  Pacer pacer_;
  Result<Duration> driven_;
  std::jthread thread_;  // last: it uses all of the above
};

Probes::Probes(const Endpoint& endpoint, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) probes_.push_back(std::make_unique<One>(endpoint, path));
}

Probes::~Probes() = default;

std::vector<ProbeResult> Probes::Finish() {
  for (const auto& probe : probes_) probe->RequestStop();
  std::vector<ProbeResult> results;
  for (const auto& probe : probes_) results.push_back(probe->Finish());
  probes_.clear();
  return results;
}

}  // namespace weir::load
