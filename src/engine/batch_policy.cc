#include "engine/batch_policy.h"

#include <algorithm>
#include <array>

namespace weir {
namespace {

// A larger batch must be this much better than a smaller one: its first answer comes later.
constexpr double kWorthwhile = 1.005;
// What a second saved for each job still waiting is worth, against a second that a job of the batch is answered later:
// more than 1, because those who are still to come wait for less too.
constexpr double kPressure = 3;
// Sizes that are looked at, besides the largest possible.
constexpr std::array<std::size_t, 11> kSizes = {1, 2, 3, 4, 6, 8, 11, 16, 22, 32, 64};

// Jobs after a place that must not be passed are out of reach: who was passed often enough, or would be late if it were
// passed once more.
std::size_t Reach(const BatchLimits& limits, const CostModel& costs, const QueueView& view, TimePoint now) {
  // What a job takes when the workers have enough to do.
  const auto share_of = [&](std::uint32_t length) {
    const double alone = costs.Seconds(1, length);
    const double together = costs.Seconds(limits.max_jobs, length) / static_cast<double>(limits.max_jobs);
    return std::min(alone, together) / static_cast<double>(view.workers);
  };
  const auto has_deadline = [](const WaitingJob& job) { return job.deadline != TimePoint::max(); };
  const bool any = std::ranges::any_of(view.jobs, has_deadline);
  double until_done = costs.Seconds(1, view.jobs[0].length);
  for (std::size_t i = 1; i < view.jobs.size(); ++i) {
    const WaitingJob& job = view.jobs[i];
    if (any) until_done += share_of(job.length);
    const bool urgent = has_deadline(job) && Seconds(job.deadline - now) < until_done;
    if (job.overtaken >= limits.max_overtaken || urgent) return i + 1;
  }
  return view.jobs.size();
}

// Takes the youngest out again while they pass a job more often than it may be passed.
void KeepFair(const BatchLimits& limits, const QueueView& view, std::vector<std::uint32_t>& chosen) {
  std::size_t older = 1;  // chosen jobs before the place looked at; the first one always is
  for (std::uint32_t i = 1; older < chosen.size(); ++i) {
    if (chosen[older] == i) {
      ++older;
      continue;
    }
    const std::uint32_t room = limits.max_overtaken - std::min(limits.max_overtaken, view.jobs[i].overtaken);
    if (chosen.size() - older > room) chosen.resize(older + room);
  }
}

// In order, whatever the lengths.
void TakePrefix(const BatchLimits& limits, const QueueView& view, std::vector<std::uint32_t>& chosen) {
  std::size_t longest = 0;
  for (std::uint32_t i = 0; i < view.jobs.size() && i < limits.max_jobs; ++i) {
    if (view.jobs[i].group != view.jobs[0].group) break;
    longest = std::max<std::size_t>(longest, view.jobs[i].length);
    if (i > 0 && longest * (i + 1) > limits.max_padded_length) break;
    chosen.push_back(i);
  }
}

// Whether those behind gain more by the time saved than those in the batch lose, whose answers all come at its end
// instead of one after the other.
bool PaysForThoseBehind(std::size_t count, double alone, double together, std::size_t behind) {
  const double jobs = static_cast<double>(count);
  const double later = jobs * together - (jobs + 1) / 2 * alone;
  return kPressure * static_cast<double>(behind) * (alone - together) >= later;
}

struct Window {
  std::size_t first = 0;
  std::size_t count = 1;
  double efficiency = 1;  // work done, as seconds of runs alone, for each second
};

// The best run of neighbours in `by_length` (places in the view, sorted) that holds the place `anchor`.
Window BestWindow(const BatchLimits& limits, const CostModel& costs, const QueueView& view,
                  std::span<const std::uint32_t> by_length, std::size_t anchor, std::size_t most) {
  const std::size_t low = anchor + 1 - std::min(anchor + 1, most);
  const std::size_t high = std::min(by_length.size(), anchor + most);  // one past
  const auto length = [&](std::size_t place) { return view.jobs[by_length[place]].length; };
  static thread_local std::vector<double> alone;  // running sum of seconds alone, from `low`
  alone.assign(1, 0);
  for (std::size_t place = low; place < high; ++place) alone.push_back(alone.back() + costs.Seconds(1, length(place)));

  Window best{.first = anchor};
  for (std::size_t last = anchor; last < high; ++last) {
    const bool more_fit = last + 1 < high && last + 1 - anchor < most;
    if (more_fit && length(last + 1) == length(last)) continue;  // one more of the same length costs no padding
    const std::size_t reach = std::min({last - low + 1, most, limits.max_padded_length / length(last)});
    std::size_t tried = last - anchor;  // fewer would leave the anchor out
    const auto try_count = [&](std::size_t count) {
      if (count <= tried || count < 2 || count > reach) return;
      tried = count;
      const std::size_t first = last + 1 - count;
      const double one_by_one = alone[last + 1 - low] - alone[first - low];
      const double together = costs.Seconds(count, length(last));
      const double efficiency = one_by_one / together;
      if (efficiency > best.efficiency * kWorthwhile &&
          PaysForThoseBehind(count, one_by_one, together, view.jobs.size() + view.running - count)) {
        best = {first, count, efficiency};
      }
    };
    try_count(last - anchor + 1);
    for (const std::size_t count : kSizes) try_count(count);
    try_count(reach);
  }
  return best;
}

// Whether waiting for the next arrival ends both jobs sooner than running it alone afterwards.
bool WaitingPays(const BatchLimits& limits, const CostModel& costs, const QueueView& view, std::size_t count) {
  if (limits.max_delay == Duration::zero() || view.closed || view.running + 1 < view.workers) return false;
  if (count != view.jobs.size() || count >= limits.max_jobs || view.arrival_gap == Duration::max()) return false;
  std::uint32_t longest = 1;
  for (const WaitingJob& job : view.jobs) longest = std::max(longest, job.length);
  const double together = Seconds(view.arrival_gap) + costs.Seconds(count + 1, longest);
  return together < costs.Seconds(count, longest) + costs.Seconds(1, longest);
}

void TakeByCost(const BatchLimits& limits, const CostModel& costs, const QueueView& view, TimePoint now,
                std::vector<std::uint32_t>& chosen) {
  const std::size_t reach = Reach(limits, costs, view, now);
  static thread_local std::vector<std::uint32_t> by_length;
  by_length.clear();
  for (std::uint32_t i = 0; i < reach; ++i) {
    if (view.jobs[i].group == view.jobs[0].group) by_length.push_back(i);
  }
  const std::size_t share = (by_length.size() + view.running + view.workers - 1) / view.workers;
  const std::size_t most = std::min(limits.max_jobs, share);
  if (most < 2) {
    chosen.push_back(0);
    return;
  }
  // The anchor comes last among its equals, so that windows below it and at its length hold it together with the
  // oldest of them.
  std::ranges::sort(by_length, [&](std::uint32_t a, std::uint32_t b) {
    const WaitingJob& x = view.jobs[a];
    const WaitingJob& y = view.jobs[b];
    return x.length != y.length ? x.length < y.length : a > b;
  });
  const auto anchor = static_cast<std::size_t>(std::ranges::find(by_length, 0U) - by_length.begin());
  const Window best = BestWindow(limits, costs, view, by_length, anchor, most);
  chosen.assign(by_length.begin() + static_cast<std::ptrdiff_t>(best.first),
                by_length.begin() + static_cast<std::ptrdiff_t>(best.first + best.count));
  std::ranges::sort(chosen);
  KeepFair(limits, view, chosen);
}

}  // namespace

void DecideBatch(const BatchLimits& limits, const CostModel& costs, const QueueView& view, TimePoint now,
                 BatchDecision& decision) {
  decision.chosen.clear();
  decision.wait_until = {};
  if (view.jobs[0].group == 0 || limits.mode == BatchMode::kNever || limits.max_jobs == 1) {
    decision.chosen.push_back(0);
    return;
  }
  if (limits.mode == BatchMode::kAlways) {
    TakePrefix(limits, view, decision.chosen);
  } else {
    TakeByCost(limits, costs, view, now, decision.chosen);
  }
  if (WaitingPays(limits, costs, view, decision.chosen.size())) {
    const TimePoint due = view.jobs[0].queued_at + limits.max_delay;
    if (now < due) {
      decision.chosen.clear();
      decision.wait_until = due;
    }
  }
}

}  // namespace weir
