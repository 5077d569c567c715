#include "load/churn_report.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "codec/json_writer.h"

namespace weir::load {
namespace {

using codec::JsonWriter;

constexpr std::string_view kFormat = "weir-churn/1";

std::string Bold(const std::string& text, const TextStyle& style) {
  return style.colour ? fmt::format("\x1b[1m{}\x1b[0m", text) : text;
}

void WriteCounts(JsonWriter& json, const ChurnCounts& counts) {
  json.BeginObject();
  for (const auto& [what, count] : counts) json.Key(what).Int(static_cast<std::int64_t>(count));
  json.EndObject();
}

void WriteLines(JsonWriter& json, std::string_view key, const std::vector<std::string>& lines) {
  json.Key(key).BeginArray();
  for (const std::string& line : lines) json.String(line);
  json.EndArray();
}

void WriteMaybe(JsonWriter& json, std::string_view key, const std::optional<double>& value) {
  json.Key(key);
  if (value) {
    json.Double(std::round(*value * 1e3) / 1e3);
  } else {
    json.Null();
  }
}

// A row for each operation, a column for each kind of answer.
std::string Answers(const ChurnPlan& plan, const ChurnResult& result, const TextStyle& style) {
  std::set<std::string> columns;
  for (const auto& [name, counts] : result.operations) {
    for (const auto& [what, count] : counts) columns.insert(what);
  }
  std::string head = fmt::format("  {:<10}{:>8}", "", "callers");
  for (const std::string& what : columns) head += fmt::format("  {:>8}", what);
  std::string rows = Bold(head, style) + "\n";
  for (const ChurnOperation& operation : plan.operations) {
    rows += fmt::format("  {:<10}{:>8}", operation.name, operation.callers);
    const auto found = result.operations.find(operation.name);
    for (const std::string& what : columns) {
      const bool any = found != result.operations.end() && found->second.contains(what);
      const std::string cell = any ? std::to_string(found->second.at(what)) : "-";
      rows += fmt::format("  {:>{}}", cell, std::max<std::size_t>(8, what.size()));
    }
    rows += "\n";
  }
  return rows;
}

}  // namespace

std::string WriteChurn(const Report& facts, const ChurnPlan& plan, const ChurnResult& result) {
  JsonWriter json;
  json.BeginObject().Key("format").String(kFormat);
  json.Key("weir").String(facts.version).Key("started").String(facts.started);
  json.Key("target").BeginObject().Key("to").String(facts.target).Key("models").String(facts.model).EndObject();
  json.Key("seed").Int(static_cast<std::int64_t>(plan.seed)).Key("seconds").Double(result.seconds);
  json.Key("operations").BeginArray();
  for (const ChurnOperation& operation : plan.operations) {
    json.BeginObject().Key("name").String(operation.name);
    json.Key("callers").Int(static_cast<std::int64_t>(operation.callers)).Key("answers");
    const auto found = result.operations.find(operation.name);
    WriteCounts(json, found == result.operations.end() ? ChurnCounts() : found->second);
    json.EndObject();
  }
  json.EndArray().Key("jobs");
  if (result.jobs_received) {
    json.BeginObject().Key("received").Int(static_cast<std::int64_t>(*result.jobs_received)).Key("answered");
    WriteCounts(json, result.jobs_answered);
    json.EndObject();
  } else {
    json.Null();
  }
  WriteMaybe(json, "resident_before_mb", result.resident_before_mb);
  WriteMaybe(json, "resident_after_mb", result.resident_after_mb);
  WriteLines(json, "broken", result.broken);
  WriteLines(json, "notes", result.notes);
  return json.Key("ended_early").Bool(result.ended_early).EndObject().Take();
}

std::string ChurnTable(const Report& facts, const ChurnPlan& plan, const ChurnResult& result, const TextStyle& style) {
  std::string out = fmt::format("{}\n  {:.1f} s\n\n",
                                Bold(fmt::format("{}, models {}", facts.target, facts.model), style), result.seconds);
  out += Answers(plan, result, style) + "\n";
  if (result.jobs_received) {
    std::string outcomes;
    for (const auto& [outcome, count] : result.jobs_answered) {
      outcomes += fmt::format("{}{} {}", outcomes.empty() ? "" : ", ", count, outcome);
    }
    out += fmt::format("  jobs that the server took: {}; answered: {}\n", *result.jobs_received,
                       outcomes.empty() ? "none" : outcomes);
  }
  if (result.resident_before_mb && result.resident_after_mb) {
    out += fmt::format("  resident memory of the server: {:.1f} MB before, {:.1f} MB after\n",
                       *result.resident_before_mb, *result.resident_after_mb);
  }
  for (const std::string& line : result.notes) out += fmt::format("  note: {}\n", line);
  if (result.ended_early) out += "  note: ended early\n";
  if (result.broken.empty()) return out + "  every promise was kept\n";
  for (const std::string& line : result.broken) {
    out += style.colour ? fmt::format("  \x1b[31mbroken: {}\x1b[0m\n", line) : fmt::format("  broken: {}\n", line);
  }
  return out;
}

}  // namespace weir::load
