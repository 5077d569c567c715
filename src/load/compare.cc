#include "load/compare.h"

#include <fmt/format.h>

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>
#include <vector>

namespace weir::load {
namespace {

struct Moments {
  double mean = 0;
  double variance_of_mean = 0;
  double freedom = 0;
};

Moments MomentsOf(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, squares / (n - 1) / n, n - 1};
}

std::vector<double> Series(const Summary& summary, double (*of)(const Sample&)) {
  std::vector<double> series;
  for (const Sample& sample : summary.samples) series.push_back(of(sample));
  return series;
}

std::string Words(Verdict verdict) {
  switch (verdict) {
    case Verdict::kTooShort: return "too short to tell";
    case Verdict::kWithinNoise: return "within noise";
    case Verdict::kDiffers: return "differs";
  }
  return {};
}

std::string Line(std::string_view name, const std::string& a, const std::string& b, double ratio,
                 const std::string& words) {
  const std::string ratio_text = std::isfinite(ratio) ? fmt::format("{:.3f}", ratio) : "-";
  std::string line = fmt::format("  {:<12}{:>14}{:>14}{:>10}  {}", name, a, b, ratio_text, words);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string Differences(const Report& a, const Report& b) {
  std::string out;
  const auto differ = [&](std::string_view what, const std::string& left, const std::string& right) {
    if (left != right) out += fmt::format("  note: {} differs: {} against {}\n", what, left, right);
  };
  differ("the load", LoadInWords(a), LoadInWords(b));
  differ("the input", a.input, b.input);
  differ("the model", a.model, b.model);
  differ("the door", a.door, b.door);
  differ("the number of cores", std::to_string(a.cores), std::to_string(b.cores));
  differ("the system", a.system, b.system);
  return out;
}

}  // namespace

Verdict CompareSeries(std::span<const double> a, std::span<const double> b) {
  if (a.size() < 3 || b.size() < 3) return Verdict::kTooShort;
  const Moments left = MomentsOf(a);
  const Moments right = MomentsOf(b);
  const double variance = left.variance_of_mean + right.variance_of_mean;
  const double distance = std::abs(left.mean - right.mean);
  if (variance <= 0) return distance > 0 ? Verdict::kDiffers : Verdict::kWithinNoise;
  // Welch and Satterthwaite's degrees of freedom.
  const double freedom = variance * variance /
                         (left.variance_of_mean * left.variance_of_mean / left.freedom +
                          right.variance_of_mean * right.variance_of_mean / right.freedom);
  const double bound = boost::math::quantile(boost::math::students_t(freedom), 0.975);
  return distance > bound * std::sqrt(variance) ? Verdict::kDiffers : Verdict::kWithinNoise;
}

std::string CompareReports(const Report& a, const std::string& a_name, const Report& b, const std::string& b_name,
                           const TextStyle& style) {
  const Summary& left = a.summary;
  const Summary& right = b.summary;
  const auto verdict = [&](double (*of)(const Sample&)) {
    return Words(CompareSeries(Series(left, of), Series(right, of)));
  };
  std::string out = fmt::format("A  {}  ({}, weir {})\n   {}\nB  {}  ({}, weir {})\n   {}\n\n", a_name, a.started,
                                a.version, LoadInWords(a), b_name, b.started, b.version, LoadInWords(b));
  const std::string head = fmt::format("  {:<12}{:>14}{:>14}{:>10}", "", "A", "B", "B / A");
  out += (style.colour ? fmt::format("\x1b[1m{}\x1b[0m", head) : head) + "\n";
  out += Line("requests/s", RateText(left.per_second), RateText(right.per_second), right.per_second / left.per_second,
              verdict([](const Sample& s) { return static_cast<double>(s.answers); }));
  out +=
      Line("failed", std::to_string(left.failed + left.dropped), std::to_string(right.failed + right.dropped), NAN, "");
  out +=
      Line("mean", MillisecondsText(left.mean_ms), MillisecondsText(right.mean_ms), right.mean_ms / left.mean_ms, "");
  for (std::size_t i = 0; i < std::min(left.percentiles_ms.size(), right.percentiles_ms.size()); ++i) {
    const auto& [name, value] = left.percentiles_ms[i];
    const double other = right.percentiles_ms[i].second;
    std::string words;
    if (name == "p50") words = verdict([](const Sample& s) { return s.p50_ms; });
    if (name == "p99") words = verdict([](const Sample& s) { return s.p99_ms; });
    out +=
        Line(name == "p99_9" ? "p99.9" : name, MillisecondsText(value), MillisecondsText(other), other / value, words);
  }
  const std::string differences = Differences(a, b);
  return differences.empty() ? out : out + "\n" + differences;
}

}  // namespace weir::load
