#include "load/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace weir::load {
namespace {

constexpr std::size_t kMostBars = 16;
constexpr double kLateWorthTelling = 0.01;

std::string Bold(const std::string& text, const TextStyle& style) {
  return style.colour ? fmt::format("\x1b[1m{}\x1b[0m", text) : text;
}
std::string Red(const std::string& text, const TextStyle& style) {
  return style.colour ? fmt::format("\x1b[31m{}\x1b[0m", text) : text;
}

std::string Row(std::string_view name, const std::string& value) { return fmt::format("  {:<14}{}\n", name, value); }

std::string Grouped(std::uint64_t value) {
  const std::string digits = std::to_string(value);
  std::string grouped;
  for (std::size_t at = 0; at < digits.size(); ++at) {
    if (at > 0 && (digits.size() - at) % 3 == 0) grouped += ',';
    grouped += digits[at];
  }
  return grouped;
}

double Share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// An example on one line, short enough to be read.
std::string OneLine(std::string text) {
  constexpr std::size_t kMost = 120;
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  if (text.size() <= kMost) return text;
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not within a character
  return text.substr(0, end) + "...";
}

std::string Notes(const Report& report) {
  const Summary& summary = report.summary;
  std::string notes;
  const auto note = [&](const std::string& text) { notes += fmt::format("  note: {}\n", text); };
  if (summary.dropped > 0) {
    note(
        fmt::format("{} requests were due for {:g} s without room among the {} at once, and were dropped; they are in "
                    "the latencies with the time they waited",
                    Grouped(summary.dropped), Seconds(report.load.timeout), report.load.in_flight));
  }
  if (report.load.open() && Share(summary.late, summary.requests) > kLateWorthTelling) {
    const bool full = 2 * summary.held > summary.late;
    note(
        fmt::format("{:.1f} % of the requests were sent over 1 ms after they were due ({}); their latency counts from "
                    "when they were due",
                    100 * Share(summary.late, summary.requests),
                    full ? fmt::format("most of them because --max-in-flight, {}, were out", report.load.in_flight)
                         : "most of them because this machine was busy"));
  }
  if (summary.unfinished > 0) {
    note(fmt::format("ended early: {} requests were not answered yet and are not in the latencies",
                     Grouped(summary.unfinished)));
  }
  return notes;
}

std::string Repeat(std::string_view what, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += what;
  return text;
}

std::string Bar(double share, std::size_t width, const TextStyle& style) {
  static constexpr std::array<std::string_view, 8> kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<std::size_t>(std::lround(share * static_cast<double>(width) * 8));
  if (!style.unicode) return Repeat("#", (eighths + 4) / 8);
  return Repeat("█", eighths / 8) + std::string(kEighths[eighths % 8]);
}

// At most kMostBars: neighbours are joined, the counts added.
std::vector<std::pair<double, std::uint64_t>> Joined(const std::vector<std::pair<double, std::uint64_t>>& bars) {
  const std::size_t join = (bars.size() + kMostBars - 1) / kMostBars;
  std::vector<std::pair<double, std::uint64_t>> joined;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    if (i % join == 0) joined.emplace_back();
    joined.back().first = bars[i].first;
    joined.back().second += bars[i].second;
  }
  return joined;
}

std::string PlotOverTime(const std::vector<Sample>& samples, const TextStyle& style) {
  static constexpr std::array<std::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static constexpr std::string_view kAscii = "_.-:=+*#";
  if (samples.size() < 2) return {};
  const std::size_t columns = std::min(samples.size(), style.width - 4);
  std::vector<double> means(columns);
  for (std::size_t column = 0; column < columns; ++column) {
    const std::size_t from = column * samples.size() / columns;
    const std::size_t to = std::max(from + 1, (column + 1) * samples.size() / columns);
    for (std::size_t i = from; i < to; ++i) means[column] += static_cast<double>(samples[i].answers);
    means[column] /= static_cast<double>(to - from);
  }
  const double most = std::ranges::max(means);
  std::string line = "  ";
  for (const double mean : means) {
    const auto level = static_cast<std::size_t>(most > 0 ? std::lround(mean / most * 7) : 0);
    line += style.unicode ? kBlocks[level] : kAscii.substr(level, 1);
  }
  return fmt::format(
      "\n{}\n{}\n", Bold(fmt::format("Answers per second, over {} s (top: {})", samples.size(), RateText(most)), style),
      line);
}

}  // namespace

std::string MillisecondsText(double ms) {
  if (ms >= 10'000) return fmt::format("{:.1f} s", ms / 1000);
  if (ms >= 100) return fmt::format("{:.0f} ms", ms);
  if (ms >= 1) return fmt::format("{:.{}f} ms", ms, ms >= 10 ? 1 : 2);
  return fmt::format("{:.0f} us", ms * 1000);
}

std::string RateText(double per_second) {
  if (per_second < 1000) return fmt::format("{:.1f}", per_second);
  return Grouped(static_cast<std::uint64_t>(std::llround(per_second)));
}

std::string ResultTable(const Report& report, const TextStyle& style) {
  const Summary& summary = report.summary;
  const std::string model = report.model.empty() ? "" : fmt::format(", model {}", report.model);
  std::string out = fmt::format("{}\n", Bold(fmt::format("{}{} ({})", report.target, model, report.door), style));
  out += fmt::format("  {}\n  {}\n\n", LoadInWords(report), report.input);
  std::string rate = fmt::format("{}/s", RateText(summary.per_second));
  if (report.batch > 1) {
    rate += fmt::format(" ({} texts/s)", RateText(summary.per_second * static_cast<double>(report.batch)));
  }
  out += Row("throughput", Bold(rate, style));
  out += Row("requests", fmt::format("{} in {:.1f} s, {} succeeded", Grouped(summary.requests), summary.seconds,
                                     Grouped(summary.succeeded)));
  for (const auto& [name, error] : summary.errors) {
    out += Row("failed", Red(fmt::format("{} x {} ({})", Grouped(error.count), name, OneLine(error.example)), style));
  }
  if (summary.dropped > 0) out += Row("dropped", Red(Grouped(summary.dropped), style));
  out += fmt::format("\n{}\n", Bold(report.load.open() ? "Latency, from when each request was due"
                                                       : "Latency, from when each request was sent",
                                    style));
  out += Row("mean", MillisecondsText(summary.mean_ms));
  out += Row("min", MillisecondsText(summary.least_ms));
  for (const auto& [name, value] : summary.percentiles_ms) {
    out += Row(name == "p99_9" ? "p99.9" : name, MillisecondsText(value));
  }
  const std::string notes = Notes(report);
  return notes.empty() ? out : out + "\n" + notes;
}

std::string ResultPlot(const Summary& summary, const TextStyle& style) {
  if (summary.distribution.empty()) return {};
  const auto bars = Joined(summary.distribution);
  std::uint64_t total = 0;
  std::uint64_t most = 0;
  for (const auto& [upper, count] : bars) {
    total += count;
    most = std::max(most, count);
  }
  constexpr std::size_t kAround = 28;
  const std::size_t width = style.width > kAround + 10 ? style.width - kAround : 10;
  std::string out = fmt::format("\n{}\n", Bold("Distribution of latencies", style));
  for (const auto& [upper, count] : bars) {
    out += fmt::format("  <= {:>8} {:>6.2f} % {}\n", MillisecondsText(upper), 100 * Share(count, total),
                       Bar(Share(count, most), width, style));
  }
  return out + PlotOverTime(summary.samples, style);
}

std::string ProgressLine(const Pacer::Progress& progress, const TextStyle& style) {
  const std::string_view phase = progress.warming_up ? "warming up" : progress.sending ? "measuring" : "last answers";
  std::string line = fmt::format("{:3.0f} %  {}  {} answers, {} failed, {} at once", 100 * progress.done, phase,
                                 Grouped(progress.completed), Grouped(progress.failed), progress.in_flight);
  if (progress.latest.answers > 0) {
    line += fmt::format("  {}/s  p99 {}", RateText(static_cast<double>(progress.latest.answers)),
                        MillisecondsText(progress.latest.p99_ms));
  }
  return line.substr(0, style.width - 1);
}

}  // namespace weir::load
