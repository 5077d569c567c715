#include "engine/profiler.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace weir {
namespace {

// A batch that gains less than this over the next smaller one, twice running, ends a length.
constexpr double kStillPays = 0.98;
constexpr double kShortRun = 0.05;  // seconds; shorter ones are taken three times, and the best counts

}  // namespace

Profiler::Profiler(const Servable& servable, ProfileOptions options)
    : servable_(servable), options_(std::move(options)), runner_(servable.NewRunner()) {}

bool Profiler::Profile(const Measure& measure, CostTable& table) {
  double ignored = 0;
  if (!Time(1, CostGrid::kLengths.front(), measure, ignored)) return false;  // the first run of all is slower
  for (std::size_t place = 0; place < CostGrid::kLengths.size(); ++place) {
    const std::uint32_t length = CostGrid::kLengths[place];
    if (length > options_.longest || spent_ > Seconds(options_.budget) || !servable_.Sample(length)) break;
    if (!MeasureLength(place, measure, table)) return false;
  }
  return true;
}

bool Profiler::MeasureLength(std::size_t length_place, const Measure& measure, CostTable& table) {
  const std::uint32_t length = CostGrid::kLengths[length_place];
  double last = 0;  // seconds for each job of the batch before
  int in_vain = 0;
  for (std::size_t place = 0; place < CostGrid::kBatches.size() && in_vain < 2; ++place) {
    const std::size_t batch = CostGrid::kBatches[place];
    double seconds = 0;
    if (!Time(batch, length, measure, seconds)) return false;
    table.seconds[place][length_place] = seconds;
    options_.on_cell(batch, length, seconds);
    const double each = seconds / static_cast<double>(batch);
    in_vain = last > 0 && each > last * kStillPays ? in_vain + 1 : 0;
    last = last == 0 ? each : std::min(last, each);
  }
  return true;
}

bool Profiler::Time(std::size_t batch, std::uint32_t length, const Measure& measure, double& seconds) {
  std::vector<JobPtr> jobs;
  for (std::size_t i = 0; i < batch; ++i) {
    std::optional<JobRequest> request = servable_.Sample(length);
    if (!request) return false;
    jobs.push_back(std::make_unique<Job>(std::move(*request), Permit(), [](const Result<Output>&) {}, TimePoint()));
  }
  bool failed = false;
  const Run run = [&](const std::stop_token& stop) {
    const Duration start = ThreadTime();
    const auto results = runner_->Run(jobs, stop);
    const double took = Seconds(ThreadTime() - start);
    spent_ += took;
    if (stop.stop_requested()) return false;
    failed = failed || std::ranges::any_of(results, [](const auto& result) { return !result; });
    seconds = seconds == 0 ? took : std::min(seconds, took);
    return true;
  };
  if (!measure(run)) return false;
  for (int again = 0; again < 2 && seconds < kShortRun; ++again) {
    if (!measure(run)) return false;
  }
  return !failed;
}

}  // namespace weir
