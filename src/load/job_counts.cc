#include "load/job_counts.h"

#include <algorithm>
#include <charconv>

namespace weir::load {
namespace {

// The value of a label in `{model="a",outcome="ok"}`; none of those that are read here has a quote inside.
std::string LabelOf(std::string_view series, std::string_view label) {
  const std::string begin = std::string(label) + "=\"";
  const std::size_t at = series.find(begin);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = series.substr(at + begin.size());
  return std::string(rest.substr(0, rest.find('"')));
}

std::uint64_t Sum(const std::map<std::string, std::uint64_t>& counts) {
  std::uint64_t sum = 0;
  for (const auto& [name, count] : counts) sum += count;
  return sum;
}

}  // namespace

std::uint64_t JobCounts::answers() const { return Sum(answered); }

JobCounts ReadJobCounts(std::string_view metrics) {
  JobCounts counts;
  while (!metrics.empty()) {
    const std::size_t end = std::min(metrics.find('\n'), metrics.size());
    const std::string_view line = metrics.substr(0, end);
    metrics.remove_prefix(std::min(end + 1, metrics.size()));
    const std::size_t space = line.rfind(' ');
    if (line.starts_with('#') || space == std::string_view::npos) continue;
    double value = 0;
    std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
    const auto count = static_cast<std::uint64_t>(std::max(value, 0.0));
    const std::string_view name = line.substr(0, line.find('{'));
    if (name == "weir_jobs_queued_total") counts.received += count;
    if (name == "weir_jobs_in_flight") counts.in_flight += count;
    if (name == "weir_jobs_answered_total") counts.answered[LabelOf(line, "outcome")] += count;
    counts.there = counts.there || name == "weir_jobs_queued_total";
  }
  return counts;
}

JobCounts Difference(const JobCounts& after, const JobCounts& before) {
  JobCounts added = after;
  added.received -= std::min(before.received, added.received);
  for (auto& [outcome, count] : added.answered) {
    const auto was = before.answered.find(outcome);
    if (was != before.answered.end()) count -= std::min(was->second, count);
  }
  return added;
}

}  // namespace weir::load
