#include "load/latency_histogram.h"

#include <algorithm>
#include <boost/histogram.hpp>
#include <cmath>

namespace weir::load {
namespace {

namespace hist = boost::histogram;
using Axis = hist::axis::regular<double, hist::axis::transform::log>;
using Counts = hist::histogram<std::tuple<Axis>, hist::dense_storage<std::uint64_t>>;

constexpr double kLeastNs = 1e3;
constexpr double kGreatestNs = 1e12;
constexpr double kWidth = 1.002;
constexpr double kCoarseWidth = 1.25;

Axis MakeAxis() {
  const double bins = std::ceil(std::log(kGreatestNs / kLeastNs) / std::log(kWidth));
  return Axis(static_cast<unsigned>(bins), kLeastNs, kGreatestNs);
}

double Nanoseconds(Duration d) { return static_cast<double>(std::chrono::nanoseconds(d).count()); }

Duration FromNanoseconds(double ns) { return std::chrono::nanoseconds(std::llround(ns)); }

}  // namespace

struct LatencyHistogram::Bins {
  Counts counts{MakeAxis()};

  // Bins with their under- and overflow: -1 .. size().
  int size() const { return counts.axis().size(); }
  std::uint64_t at(int bin) const { return counts.at(bin); }
  double Lower(int bin) const { return bin < 0 ? 0 : counts.axis().value(bin); }
  double Middle(int bin) const { return bin < 0 ? 0 : counts.axis().value(bin + 0.5); }
};

LatencyHistogram::LatencyHistogram() : bins_(std::make_unique<Bins>()) {}
LatencyHistogram::~LatencyHistogram() = default;

void LatencyHistogram::Add(Duration latency) {
  latency = std::max(latency, Duration::zero());
  const double ns = Nanoseconds(latency);
  bins_->counts.at(bins_->counts.axis().index(ns)) += 1;
  least_ = count_ == 0 ? latency : std::min(least_, latency);
  greatest_ = std::max(greatest_, latency);
  sum_ns_ += ns;
  ++count_;
}

void LatencyHistogram::Add(const LatencyHistogram& other) {
  if (other.count_ == 0) return;
  bins_->counts += other.bins_->counts;
  least_ = count_ == 0 ? other.least_ : std::min(least_, other.least_);
  greatest_ = std::max(greatest_, other.greatest_);
  sum_ns_ += other.sum_ns_;
  count_ += other.count_;
}

void LatencyHistogram::Clear() {
  bins_->counts.reset();
  least_ = greatest_ = Duration::zero();
  sum_ns_ = 0;
  count_ = 0;
}

Duration LatencyHistogram::mean() const {
  return count_ == 0 ? Duration::zero() : FromNanoseconds(sum_ns_ / static_cast<double>(count_));
}

Duration LatencyHistogram::Percentile(double percent) const {
  if (count_ == 0) return Duration::zero();
  // The nearest rank: the smallest count that is at least that share.
  const double share = percent / 100 * static_cast<double>(count_);
  const auto rank = std::clamp(static_cast<std::uint64_t>(std::ceil(share - 1e-9)), std::uint64_t{1}, count_);
  if (rank == count_) return greatest_;
  std::uint64_t seen = 0;
  for (int bin = -1; bin < bins_->size(); ++bin) {
    seen += bins_->at(bin);
    if (seen >= rank) return std::clamp(FromNanoseconds(bins_->Middle(bin)), least_, greatest_);
  }
  return greatest_;
}

std::vector<std::pair<Duration, std::uint64_t>> LatencyHistogram::Coarse() const {
  std::vector<std::pair<Duration, std::uint64_t>> bars;
  if (count_ == 0) return bars;
  double upper = kLeastNs;
  while (upper <= Nanoseconds(least_)) upper *= kCoarseWidth;
  std::uint64_t in_bar = 0;
  std::uint64_t seen = 0;
  for (int bin = -1; bin <= bins_->size() && seen < count_; ++bin) {
    const std::uint64_t here = bins_->at(bin);
    if (here == 0) continue;
    for (; bins_->Lower(bin) >= upper; upper *= kCoarseWidth) {
      bars.emplace_back(FromNanoseconds(upper), std::exchange(in_bar, 0));
    }
    in_bar += here;
    seen += here;
  }
  bars.emplace_back(FromNanoseconds(upper), in_bar);
  return bars;
}

}  // namespace weir::load
