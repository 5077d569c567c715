#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "load/overload_report.h"

namespace weir::load {
namespace {

constexpr std::size_t kName = 26;
constexpr std::size_t kColumn = 11;

std::string Bold(const std::string& text, const TextStyle& style) {
  return style.colour ? fmt::format("\x1b[1m{}\x1b[0m", text) : text;
}

using Cell = std::function<std::string(const OverloadPart&)>;

std::string Row(const std::string& name, const std::vector<OverloadPart>& parts, const Cell& cell) {
  std::string row = fmt::format("  {:<{}}", name, kName);
  for (const OverloadPart& part : parts) row += fmt::format("{:>{}}", cell(part), kColumn);
  return row + "\n";
}

// Empty cells for nothing keep the eye on what happened.
std::string PerSecond(std::uint64_t count, const OverloadPart& part) {
  return count == 0 ? "-" : RateText(static_cast<double>(count) / part.seconds);
}
std::string Time(const Latencies& latencies, double value) {
  return latencies.count == 0 ? "-" : MillisecondsText(value);
}

std::string CountRow(const char* name, const std::vector<OverloadPart>& parts, std::uint64_t OverloadCounts::* count) {
  return Row(name, parts, [&](const OverloadPart& part) { return PerSecond(part.counts.*count, part); });
}
// Left out where it happened in no part.
std::string CountRowIfAny(const char* name, const std::vector<OverloadPart>& parts,
                          std::uint64_t OverloadCounts::* count) {
  const bool any = std::ranges::any_of(parts, [&](const OverloadPart& part) { return part.counts.*count > 0; });
  return any ? CountRow(name, parts, count) : "";
}

std::string CountRows(const std::vector<OverloadPart>& parts) {
  std::string rows =
      Row("offered/s", parts, [](const OverloadPart& part) { return PerSecond(part.counts.requests, part); });
  rows += Row("answered in time/s", parts, [](const OverloadPart& part) { return RateText(part.good_per_second); });
  rows += Row("  of the capacity", parts,
              [](const OverloadPart& part) { return fmt::format("{:.1f} %", part.good_percent); });
  rows += CountRow("answered late/s", parts, &OverloadCounts::late);
  rows += CountRow("refused/s", parts, &OverloadCounts::refused);
  rows += CountRow("given up by the client/s", parts, &OverloadCounts::given_up);
  rows += CountRowIfAny("expired (504)/s", parts, &OverloadCounts::expired);
  rows += CountRowIfAny("other failures/s", parts, &OverloadCounts::failed);
  rows += CountRowIfAny("connections lost/s", parts, &OverloadCounts::lost);
  rows += CountRowIfAny("never sent/s", parts, &OverloadCounts::dropped);
  return rows;
}

std::string TimeRows(const std::vector<OverloadPart>& parts) {
  std::string rows;
  const auto row = [&](const char* name, Latencies OverloadCounts::* latencies, double Latencies::* value) {
    rows += Row(name, parts,
                [&](const OverloadPart& part) { return Time(part.counts.*latencies, part.counts.*latencies.*value); });
  };
  row("answers, p50", &OverloadCounts::answered, &Latencies::p50_ms);
  row("answers, p99", &OverloadCounts::answered, &Latencies::p99_ms);
  row("answers, max", &OverloadCounts::answered, &Latencies::max_ms);
  row("refusals, p50", &OverloadCounts::refusals, &Latencies::p50_ms);
  row("refusals, p99", &OverloadCounts::refusals, &Latencies::p99_ms);
  for (std::size_t i = 0; i < parts[0].probes.size(); ++i) {
    rows += Row(fmt::format("{}, p99", parts[0].probes[i].path), parts, [i](const OverloadPart& part) {
      return i < part.probes.size() ? Time(part.probes[i].latency, part.probes[i].latency.p99_ms) : "-";
    });
  }
  rows += Row("recovered after", parts, [](const OverloadPart& part) -> std::string {
    if (part.rate == 0) return "";
    return part.recovery_s ? MillisecondsText(*part.recovery_s * 1e3) : "not yet";
  });
  return rows;
}

std::string CpuRows(const std::vector<OverloadPart>& parts) {
  std::string rows = Row("load: CPU per request", parts, [](const OverloadPart& part) {
    return fmt::format("{:.0f} us", part.cpu.own_us_per_request);
  });
  const auto percent = [](double value) { return fmt::format("{:.1f} %", value); };
  rows += Row("load: of the machine", parts, [&](const OverloadPart& part) { return percent(part.cpu.own_percent); });
  if (!parts[0].cpu.server_percent) return rows;
  return rows + Row("server: of the machine", parts, [&](const OverloadPart& part) {
           return part.cpu.server_percent ? percent(*part.cpu.server_percent) : "-";
         });
}

// What the server said when it did not answer, over all parts.
std::string Reasons(const std::vector<OverloadPart>& parts, const TextStyle& style) {
  std::map<std::string, std::uint64_t> all;
  for (const OverloadPart& part : parts) {
    for (const auto& [reason, count] : part.counts.reasons) all[reason] += count;
  }
  if (all.empty()) return {};
  std::string text = fmt::format("\n{}\n", Bold("What the server said", style));
  for (const auto& [reason, count] : all) text += fmt::format("  {:>9} x {}\n", count, reason);
  return text;
}

std::string Notes(const OverloadPlan& plan, const OverloadResult& result) {
  std::string notes;
  const auto note = [&](const std::string& text) { notes += fmt::format("  note: {}\n", text); };
  for (const OverloadPart& part : result.parts) {
    const OverloadCounts& counts = part.counts;
    if (part.rate > 0 && counts.sent_late * 50 > counts.requests) {
      note(fmt::format("{}: {:.1f} % were sent over 1 ms after they were due", part.name,
                       100 * static_cast<double>(counts.sent_late) / static_cast<double>(counts.requests)));
    }
    if (counts.dropped > 0) {
      note(fmt::format("{}: {} were never sent, for {} others were out (--max-in-flight)", part.name, counts.dropped,
                       plan.max_in_flight));
    }
    for (const ProbeResult& probe : part.probes) {
      if (probe.failed > 0)
        note(fmt::format("{}: {} of {} probes of {} failed", part.name, probe.failed, probe.latency.count, probe.path));
    }
  }
  if (result.ended_early) note("ended early: what was not measured yet is missing");
  return notes.empty() ? notes : "\n" + notes;
}

}  // namespace

std::string OverloadTable(const Report& facts, const OverloadPlan& plan, const OverloadResult& result,
                          const TextStyle& style) {
  std::string out =
      fmt::format("{}\n", Bold(fmt::format("{}, model {} ({})", facts.target, facts.model, facts.door), style));
  out += fmt::format("  {}, deadline {:g} ms, {:g} s each after {:g} s of warm-up\n", facts.input,
                     Seconds(plan.deadline) * 1e3, Seconds(plan.duration), Seconds(plan.warmup));
  const std::string how = plan.known_capacity ? "as given"
                                              : fmt::format("{} callers at once, p99 {}", result.connections,
                                                            MillisecondsText(result.capacity_latency.p99_ms));
  out += fmt::format("  capacity {} answers/s ({})\n", Bold(RateText(result.capacity), style), how);
  if (result.parts.empty()) return out + Notes(plan, result);
  out += "\n" + Bold(Row("", result.parts, [](const OverloadPart& part) { return part.name; }), style);
  out += CountRows(result.parts) + "\n" + TimeRows(result.parts) + "\n" + CpuRows(result.parts);
  return out + Reasons(result.parts, style) + Notes(plan, result);
}

std::string OverloadLine(const OverloadView::Now& now, const TextStyle& style) {
  const std::string line =
      fmt::format("{}/{} {}  {}", now.number, now.parts, now.part, ProgressLine(now.progress, style));
  return line.substr(0, style.width - 1);
}

}  // namespace weir::load
