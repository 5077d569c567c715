#include "load/report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "base/machine.h"
#include "base/version.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"

namespace weir::load {
namespace {

using codec::JsonElement;
using codec::JsonObject;
using codec::JsonWriter;

constexpr std::string_view kFormat = "weir-bench/1";

JsonWriter& Count(JsonWriter& json, std::string_view key, std::uint64_t value) {
  return json.Key(key).Int(static_cast<std::int64_t>(value));
}
// Six decimals: nanoseconds where the unit is milliseconds.
JsonWriter& Number(JsonWriter& json, std::string_view key, double value) {
  return json.Key(key).Double(std::round(value * 1e6) / 1e6);
}

void WriteLoad(JsonWriter& json, const Report& report) {
  const LoadOptions& load = report.load;
  json.Key("load").BeginObject().Key("loop").String(load.open() ? "open" : "closed");
  if (load.open()) Number(json, "rate", load.rate);
  Count(json, load.open() ? "max_in_flight" : "connections", load.in_flight);
  Count(json, "batch", report.batch).Key("input").String(report.input);
  Number(json, "warmup_s", Seconds(load.warmup));
  if (load.requests > 0) {
    Count(json, "requests", load.requests);
  } else {
    Number(json, "duration_s", Seconds(load.duration));
  }
  Number(json, "timeout_s", Seconds(load.timeout));
  Count(json, "seed", load.seed).EndObject();
}

void WriteLatency(JsonWriter& json, const Summary& summary) {
  json.Key("latency_ms").BeginObject();
  Number(json, "mean", summary.mean_ms);
  Number(json, "min", summary.least_ms);
  for (const auto& [name, value] : summary.percentiles_ms) Number(json, name, value);
  json.EndObject().Key("distribution").BeginArray();
  for (const auto& [upper, count] : summary.distribution) {
    Number(json.BeginObject(), "up_to_ms", upper);
    Count(json, "count", count).EndObject();
  }
  json.EndArray().Key("samples").BeginArray();
  for (const Sample& sample : summary.samples) {
    Count(json.BeginObject(), "answers", sample.answers);
    Count(json, "errors", sample.errors);
    Number(json, "p50_ms", sample.p50_ms);
    Number(json, "p99_ms", sample.p99_ms).EndObject();
  }
  json.EndArray();
}

void WriteResult(JsonWriter& json, const Report& report) {
  const Summary& summary = report.summary;
  json.Key("result").BeginObject();
  Number(json, "seconds", summary.seconds);
  Count(json, "requests", summary.requests);
  Count(json, "succeeded", summary.succeeded);
  Count(json, "failed", summary.failed);
  Count(json, "dropped", summary.dropped);
  Count(json, "unfinished", summary.unfinished);
  Count(json, "late", summary.late);
  Count(json, "held", summary.held);
  Count(json, "completed", summary.completed);
  Number(json, "requests_per_s", summary.per_second);
  Number(json, "items_per_s", summary.per_second * static_cast<double>(report.batch));
  json.Key("errors").BeginArray();
  for (const auto& [name, error] : summary.errors) {
    Count(json.BeginObject().Key("error").String(name), "count", error.count);
    json.Key("example").String(error.example).EndObject();
  }
  json.EndArray();
  WriteLatency(json, summary);
  json.EndObject();
}

// Reads fields and remembers the first thing that was wrong. Confined to one thread.
class Reader {
 public:
  explicit Reader(Result<JsonObject> object) {
    if (object) {
      object_.emplace(std::move(*object));
    } else {
      failed_ = object.error();
    }
  }

  std::string Text(std::string_view key) {
    return Take<std::string>(key, [&](JsonElement found, std::string& value) {
      std::string_view text;
      if (found.get(text)) return false;
      value = text;
      return true;
    });
  }
  double Double(std::string_view key, bool required = true) {
    return Take<double>(key, [](JsonElement found, double& value) { return !found.get(value); }, required);
  }
  std::uint64_t Count(std::string_view key, bool required = true) {
    return Take<std::uint64_t>(
        key, [](JsonElement found, std::uint64_t& value) { return !found.get(value); }, required);
  }
  Duration Time(std::string_view key, bool required = true) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(Double(key, required)));
  }
  Reader Object(std::string_view key) {
    const JsonElement found = Take<JsonElement>(key, [](JsonElement element, JsonElement& value) {
      value = element;
      return element.is_object();
    });
    return failed_ ? Reader(std::unexpected(*failed_)) : Reader(JsonObject::From(found, std::string(key)));
  }
  // Calls `each` with a Reader for every object of the array.
  template <typename Each>
  void Array(std::string_view key, Each each) {
    if (failed_) return;
    const auto array = object_->RequireArray(key);
    if (!array) return Fail(array.error());
    for (const JsonElement element : *array) {
      Reader reader(JsonObject::From(element, std::string(key)));
      each(reader);
      Adopt(reader);
    }
  }
  void Adopt(const Reader& part) {
    if (!failed_ && part.failed_) failed_ = part.failed_;
  }
  const std::optional<Error>& failed() const { return failed_; }

 private:
  void Fail(Error error) { failed_ = std::move(error); }

  template <typename T, typename Get>
  T Take(std::string_view key, Get get, bool required = true) {
    T value{};
    if (failed_) return value;
    const auto found = object_->Find(key);
    if (!*found) {
      if (required) Fail({Code::kInvalidArgument, fmt::format("'{}' is missing", object_->Path(key))});
    } else if (!get(**found, value)) {
      Fail({Code::kInvalidArgument, fmt::format("'{}' has the wrong type", object_->Path(key))});
    }
    return value;
  }

  std::optional<JsonObject> object_;
  std::optional<Error> failed_;
};

void ReadLoad(Reader reader, Report& report, Reader& root) {
  LoadOptions& load = report.load;
  load.rate = reader.Text("loop") == "open" ? reader.Double("rate") : 0;
  load.in_flight = reader.Count(load.open() ? "max_in_flight" : "connections");
  report.batch = reader.Count("batch");
  report.input = reader.Text("input");
  load.warmup = reader.Time("warmup_s");
  load.requests = reader.Count("requests", false);
  load.duration = reader.Time("duration_s", load.requests == 0);
  load.timeout = reader.Time("timeout_s");
  load.seed = reader.Count("seed");
  root.Adopt(reader);
}

void ReadLatency(Reader& reader, Summary& summary) {
  Reader latency = reader.Object("latency_ms");
  summary.mean_ms = latency.Double("mean");
  summary.least_ms = latency.Double("min");
  for (const char* name : {"p50", "p90", "p95", "p99", "p99_9", "max"}) {
    summary.percentiles_ms.emplace_back(name, latency.Double(name));
  }
  reader.Adopt(latency);
  reader.Array("distribution", [&](Reader& bar) {
    const double upper = bar.Double("up_to_ms");
    summary.distribution.emplace_back(upper, bar.Count("count"));
  });
  reader.Array("samples", [&](Reader& one) {
    Sample& sample = summary.samples.emplace_back();
    sample.answers = one.Count("answers");
    sample.errors = one.Count("errors");
    sample.p50_ms = one.Double("p50_ms");
    sample.p99_ms = one.Double("p99_ms");
  });
}

void ReadResult(Reader reader, Summary& summary, Reader& root) {
  summary.seconds = reader.Double("seconds");
  summary.requests = reader.Count("requests");
  summary.succeeded = reader.Count("succeeded");
  summary.failed = reader.Count("failed");
  summary.dropped = reader.Count("dropped");
  summary.unfinished = reader.Count("unfinished");
  summary.late = reader.Count("late");
  summary.held = reader.Count("held");
  summary.completed = reader.Count("completed");
  summary.per_second = reader.Double("requests_per_s");
  reader.Array("errors", [&](Reader& error) {
    const std::string name = error.Text("error");
    const std::uint64_t count = error.Count("count");
    summary.errors[name] = {count, error.Text("example")};
  });
  ReadLatency(reader, summary);
  root.Adopt(reader);
}

}  // namespace

void DescribeHost(Report& report) {
  report.version = kVersion;
  report.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  report.cores = ThisMachine().cores();
  utsname names{};
  if (uname(&names) == 0) report.system = fmt::format("{} {} {}", names.sysname, names.release, names.machine);
}

std::string LoadInWords(const Report& report) {
  const LoadOptions& load = report.load;
  const std::string end =
      load.requests > 0 ? fmt::format("{} requests", load.requests) : fmt::format("{:g} s", Seconds(load.duration));
  const std::string warmup =
      load.warmup > Duration::zero() ? fmt::format(" after {:g} s of warm-up", Seconds(load.warmup)) : "";
  const std::string batch = report.batch > 1 ? fmt::format(", {} texts each", report.batch) : "";
  if (!load.open()) return fmt::format("closed loop, {} at once{}, {}{}", load.in_flight, batch, end, warmup);
  return fmt::format("open loop, {:g} a second{}, at most {} at once, {}{}", load.rate, batch, load.in_flight, end,
                     warmup);
}

std::string WriteReport(const Report& report) {
  JsonWriter json;
  json.BeginObject().Key("format").String(kFormat);
  json.Key("weir").String(report.version).Key("started").String(report.started);
  json.Key("host").BeginObject().Key("system").String(report.system);
  json.Key("cores").Int(report.cores).EndObject();
  json.Key("target").BeginObject().Key("to").String(report.target);
  json.Key("model").String(report.model).Key("door").String(report.door).EndObject();
  WriteLoad(json, report);
  WriteResult(json, report);
  return json.EndObject().Take();
}

Result<Report> ParseReport(std::string_view json) {
  const Result<JsonElement> element = codec::ParseJson(json);
  if (!element) return std::unexpected(element.error());
  Reader root(JsonObject::From(*element));
  Report report;
  if (const std::string format = root.Text("format"); !root.failed() && format != kFormat) {
    return InvalidArgument(fmt::format("'format' is '{}'; only '{}' can be read", format, kFormat));
  }
  report.version = root.Text("weir");
  report.started = root.Text("started");
  Reader host = root.Object("host");
  report.system = host.Text("system");
  report.cores = static_cast<unsigned>(host.Count("cores"));
  root.Adopt(host);
  Reader target = root.Object("target");
  report.target = target.Text("to");
  report.model = target.Text("model");
  report.door = target.Text("door");
  root.Adopt(target);
  ReadLoad(root.Object("load"), report, root);
  ReadResult(root.Object("result"), report.summary, root);
  if (root.failed()) return std::unexpected(*root.failed());
  return report;
}

}  // namespace weir::load
