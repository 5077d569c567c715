#include <cmath>

#include "codec/json_writer.h"
#include "load/overload_report.h"

namespace weir::load {
namespace {

using codec::JsonWriter;

constexpr std::string_view kFormat = "weir-overload/1";

JsonWriter& Count(JsonWriter& json, std::string_view key, std::uint64_t value) {
  return json.Key(key).Int(static_cast<std::int64_t>(value));
}
JsonWriter& Number(JsonWriter& json, std::string_view key, double value) {
  return json.Key(key).Double(std::round(value * 1e6) / 1e6);
}
JsonWriter& Maybe(JsonWriter& json, std::string_view key, const std::optional<double>& value) {
  return value ? Number(json, key, *value) : json.Key(key).Null();
}

void WriteLatencies(JsonWriter& json, std::string_view key, const Latencies& latencies) {
  json.Key(key).BeginObject();
  Count(json, "count", latencies.count);
  Number(json, "p50", latencies.p50_ms);
  Number(json, "p99", latencies.p99_ms);
  Number(json, "max", latencies.max_ms).EndObject();
}

void WriteCounts(JsonWriter& json, const OverloadCounts& counts) {
  Count(json, "requests", counts.requests);
  Count(json, "good", counts.good);
  Count(json, "late", counts.late);
  Count(json, "refused", counts.refused);
  Count(json, "expired", counts.expired);
  Count(json, "failed", counts.failed);
  Count(json, "lost", counts.lost);
  Count(json, "given_up", counts.given_up);
  Count(json, "dropped", counts.dropped);
  Count(json, "unfinished", counts.unfinished);
  Count(json, "sent_late", counts.sent_late);
  json.Key("reasons").BeginArray();
  for (const auto& [reason, count] : counts.reasons) {
    json.BeginObject().Key("reason").String(reason);
    Count(json, "count", count).EndObject();
  }
  json.EndArray();
  WriteLatencies(json, "answered_ms", counts.answered);
  WriteLatencies(json, "refused_ms", counts.refusals);
}

void WritePart(JsonWriter& json, const OverloadPart& part) {
  json.BeginObject().Key("name").String(part.name);
  json.Key("loop").String(part.rate > 0 ? "open" : "closed");
  if (part.rate > 0) {
    Number(json, "offered_per_s", part.rate);
  } else {
    Count(json, "clients", part.clients);
  }
  Number(json, "seconds", part.seconds);
  Number(json, "good_per_s", part.good_per_second);
  Number(json, "good_percent", part.good_percent);
  WriteCounts(json, part.counts);
  json.Key("probes").BeginArray();
  for (const ProbeResult& probe : part.probes) {
    json.BeginObject().Key("path").String(probe.path);
    Count(json, "failed", probe.failed);
    WriteLatencies(json, "ms", probe.latency);
    json.EndObject();
  }
  json.EndArray().Key("cpu").BeginObject();
  Number(json, "own_us_per_request", part.cpu.own_us_per_request);
  Number(json, "own_percent", part.cpu.own_percent);
  Maybe(json, "server_percent", part.cpu.server_percent).EndObject();
  if (part.rate > 0) Maybe(json, "recovery_s", part.recovery_s);
  json.EndObject();
}

}  // namespace

std::string WriteOverload(const Report& facts, const OverloadPlan& plan, const OverloadResult& result) {
  JsonWriter json;
  json.BeginObject().Key("format").String(kFormat);
  json.Key("weir").String(facts.version).Key("started").String(facts.started);
  json.Key("host").BeginObject().Key("system").String(facts.system);
  json.Key("cores").Int(facts.cores).EndObject();
  json.Key("target").BeginObject().Key("to").String(facts.target);
  json.Key("model").String(facts.model).Key("door").String(facts.door).Key("input").String(facts.input).EndObject();
  json.Key("load").BeginObject();
  Number(json, "deadline_s", Seconds(plan.deadline));
  Number(json, "duration_s", Seconds(plan.duration));
  Number(json, "warmup_s", Seconds(plan.warmup));
  Count(json, "max_in_flight", plan.max_in_flight);
  json.Key("exact").Bool(plan.exact);
  Count(json, "seed", plan.seed).EndObject();
  json.Key("capacity").BeginObject();
  Number(json, "per_s", result.capacity);
  json.Key("given").Bool(plan.known_capacity.has_value());
  Count(json, "connections", result.connections);
  WriteLatencies(json, "answered_ms", result.capacity_latency);
  json.Key("tries").BeginArray();
  for (const CapacityTry& one : result.tries) {
    Count(json.BeginObject(), "connections", one.connections);
    Number(json, "per_s", one.per_second).EndObject();
  }
  json.EndArray().EndObject().Key("parts").BeginArray();
  for (const OverloadPart& part : result.parts) WritePart(json, part);
  json.EndArray().Key("ended_early").Bool(result.ended_early);
  return json.EndObject().Take();
}

}  // namespace weir::load
