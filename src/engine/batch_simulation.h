// Runs the batch policy against made-up arrivals and measured run times: hours of serving in a second.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <vector>

#include "engine/batch_policy.h"

namespace weir {

struct SimulationOptions {
  BatchLimits limits;
  std::size_t workers = 2;
  std::size_t connections = 16;  // closed loop; 0 = open loop at `rate`
  double rate = 0;               // arrivals a second
  double think = 0.0003;         // seconds from an answer to the connection's next request
  std::size_t answers = 10000;
  double noise = 0.05;  // of a run's time, as the sigma of a log-normal
  std::uint64_t seed = 1;
  std::function<std::uint32_t(std::mt19937_64&)> length;
};

struct SimulationResult {
  double per_second = 0;
  double mean = 0;  // seconds from arrival to answer
  double p50 = 0;
  double p99 = 0;
  double batch = 0;  // mean jobs in a run
  std::uint32_t most_overtaken = 0;
};

// `truth` gives the seconds that a run really takes; `believed` is what the policy knows. Deterministic.
class BatchSimulation {
 public:
  BatchSimulation(const SimulationOptions& options, const CostModel& truth, const CostModel& believed)
      : options_(options), truth_(truth), believed_(believed), arrivals_random_(options.seed),
        runs_random_(options.seed + 1) {}

  SimulationResult Run() {
    for (std::size_t i = 0; i < options_.connections; ++i) Arrive(1e-5 * static_cast<double>(i));
    if (options_.connections == 0) Arrive(0);
    while (latencies_.size() < options_.answers) {
      Event event = events_.top();
      events_.pop();
      now_ = event.at;
      if (event.done.empty()) {
        Queue();
      } else {
        Finish(event.done);
      }
      Dispatch();
    }
    return Summary();
  }

 private:
  struct Event {
    double at = 0;
    std::vector<double> done;  // arrival times of the jobs that end; empty: an arrival
    bool operator<(const Event& other) const { return at > other.at; }
  };

  static TimePoint At(double seconds) {
    return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
  }

  void Arrive(double at) { events_.push({.at = at, .done = {}}); }

  void Queue() {
    waiting_.push_back({.length = options_.length(arrivals_random_), .group = 1, .queued_at = At(now_)});
    arrivals_.push_back(now_);
    if (options_.connections == 0) Arrive(now_ + std::exponential_distribution<>(options_.rate)(arrivals_random_));
  }

  void Finish(const std::vector<double>& arrivals) {
    ++idle_;
    running_ -= arrivals.size();
    for (const double arrival : arrivals) {
      latencies_.push_back(now_ - arrival);
      if (options_.connections > 0) Arrive(now_ + std::exponential_distribution<>(1 / options_.think)(runs_random_));
    }
  }

  void Dispatch() {
    while (idle_ > 0 && !waiting_.empty()) {
      const QueueView view{.jobs = waiting_, .running = running_, .workers = options_.workers};
      DecideBatch(options_.limits, believed_, view, At(now_), decision_);
      Start();
    }
  }

  void Start() {
    std::uint32_t longest = 1;
    Event end;
    std::size_t passed = 0;  // chosen jobs that are still to come
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      const bool chosen = std::ranges::binary_search(decision_.chosen, i);
      if (!chosen) {
        waiting_[i].overtaken += static_cast<std::uint32_t>(decision_.chosen.size() - passed);
        most_overtaken_ = std::max(most_overtaken_, waiting_[i].overtaken);
        continue;
      }
      ++passed;
      longest = std::max(longest, waiting_[i].length);
      end.done.push_back(arrivals_[i]);
    }
    for (auto i = decision_.chosen.rbegin(); i != decision_.chosen.rend(); ++i) {
      waiting_.erase(waiting_.begin() + *i);
      arrivals_.erase(arrivals_.begin() + *i);
    }
    const double noise = std::lognormal_distribution<>(0, options_.noise)(runs_random_);
    end.at = now_ + truth_.Seconds(end.done.size(), longest) * noise;
    ++runs_;
    running_ += end.done.size();
    --idle_;
    events_.push(std::move(end));
  }

  SimulationResult Summary() {
    SimulationResult result;
    const std::size_t count = latencies_.size();
    result.per_second = static_cast<double>(count) / now_;
    result.batch = static_cast<double>(count) / static_cast<double>(runs_);
    result.most_overtaken = most_overtaken_;
    for (const double latency : latencies_) result.mean += latency / static_cast<double>(count);
    std::ranges::sort(latencies_);
    result.p50 = latencies_[count / 2];
    result.p99 = latencies_[count * 99 / 100];
    return result;
  }

  const SimulationOptions options_;
  const CostModel& truth_;
  const CostModel& believed_;
  std::mt19937_64 arrivals_random_;
  std::mt19937_64 runs_random_;
  double now_ = 0;
  std::size_t idle_ = options_.workers;
  std::size_t running_ = 0;
  std::size_t runs_ = 0;
  std::uint32_t most_overtaken_ = 0;
  std::priority_queue<Event> events_;
  std::vector<WaitingJob> waiting_;
  std::vector<double> arrivals_;
  std::vector<double> latencies_;
  BatchDecision decision_;
};

// Seconds of a run of MiniLM fp32 on one of two lanes: measured on a two-core AMD EPYC, ONNX Runtime 1.31.
inline CostTable MiniLmTable() {
  // Texts a second of two lanes, for 16, 64, 128 and 256 tokens, at batch 1, 4, 8, 16, 32.
  constexpr double kRates[4][5] = {{399, 533, 569, 589, 590},
                                   {134, 144, 144, 140, 133},
                                   {66.5, 66.6, 65.6, 61.7, 59.3},
                                   {31.6, 30.2, 29.3, 28.2, 26.9}};
  constexpr std::size_t kLengths[4] = {1, 3, 4, 5};
  constexpr std::size_t kBatches[5] = {0, 2, 3, 4, 5};
  CostTable table;
  for (std::size_t l = 0; l < 4; ++l) {
    for (std::size_t b = 0; b < 5; ++b) {
      table.seconds[kBatches[b]][kLengths[l]] = 2.0 * CostGrid::kBatches[kBatches[b]] / kRates[l][b];
    }
    table.seconds[1][kLengths[l]] = (2 * table.seconds[0][kLengths[l]] + table.seconds[2][kLengths[l]]) / 3;
  }
  return table;
}

}  // namespace weir
