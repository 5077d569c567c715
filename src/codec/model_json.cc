#include "codec/model_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/json_reader.h"
#include "codec/json_writer.h"
#include "infer/repository.h"

namespace weir::codec {
namespace {

void WriteCounts(JsonWriter& json, const ModelStatus& model) {
  const auto count = [&json](std::string_view key, std::uint64_t value) {
    json.Key(key).Int(static_cast<std::int64_t>(value));
  };
  json.Key("loads").BeginObject();
  count("ok", model.counts.loads);
  count("replaced", model.counts.reloads);
  count("failed", model.counts.failed);
  count("timed_out", model.counts.timed_out);
  count("cancelled", model.counts.cancelled);
  count("unloads", model.counts.unloads);
  count("evictions", model.counts.evictions);
  json.EndObject();
  json.Key("jobs").BeginObject();
  count("admitted", model.serving.jobs);
  count("queued", model.serving.queued);
  count("running", model.serving.running);
  count("max", model.serving.max_jobs);
  count("max_bytes", model.serving.max_bytes);
  count("workers", model.serving.workers);
  if (model.serving.max_deadline > Duration::zero()) {
    json.Key("deadline_ms")
        .Int(std::chrono::duration_cast<std::chrono::milliseconds>(model.serving.max_deadline).count());
  }
  json.EndObject();
}

void WriteLoadSettings(JsonWriter& json, const LoadLimits& limits) {
  const auto milliseconds = [&json](std::string_view key, Duration time) {
    json.Key(key).Int(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
  };
  json.Key("load_settings").BeginObject();
  json.Key("load_tries").Int(static_cast<std::int64_t>(limits.tries));
  milliseconds("load_pause_ms", limits.pause);
  milliseconds("load_timeout_ms", limits.timeout);
  json.Key("fallback").Bool(limits.fallback).EndObject();
}

// As the load-once service names what may go wrong.
std::string_view LegacyErrorType(Code code) {
  if (code == Code::kDeadlineExceeded) return "ModelTimeoutError";
  return code == Code::kNotFound || code == Code::kInvalidArgument ? "ModelConfigurationError" : "ModelLoadingError";
}

constexpr double kMib = 1024.0 * 1024.0;

// "key: value", a line each; what is inside something is further to the right.
void Describe(JsonElement element, std::size_t depth, std::string& text) {
  simdjson::dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return;
  for (const auto& [key, value] : object) {
    std::string_view word;
    const bool inner = value.is_object();
    const std::string shown = value.get(word) == simdjson::SUCCESS ? std::string(word) : simdjson::minify(value);
    text += fmt::format("{:{}}{}:{}{}\n", "", depth * 2, key, inner ? "" : " ", inner ? "" : shown);
    if (inner) Describe(value, depth + 1, text);
  }
}

}  // namespace

std::string WriteModelStatus(const ModelStatus& model) {
  JsonWriter json;
  json.BeginObject().Key("name").String(model.name).Key("state").String(ModelStateName(model.state));
  if (!model.task.empty()) json.Key("task").String(model.task);
  if (!model.reason.empty()) json.Key("reason").String(model.reason);
  if (model.failure) json.Key("failure").String(CodeName(*model.failure));
  json.Key("version").String(VersionText(model.version)).Key("versions").BeginObject();
  for (const VersionStatus& version : model.versions) {
    json.Key(VersionText(version.version)).String(ModelStateName(version.state));
  }
  json.EndObject().Key("load").String(model.on_demand ? "on-demand" : "startup");
  json.Key("fallback_used").Bool(model.fallback_used);
  json.Key("loading").Bool(model.loading);
  if (model.loading) json.Key("loading_seconds").Double(Seconds(model.loading_for));
  json.Key("waiting")
      .Int(static_cast<std::int64_t>(model.waiting))
      .Key("tries")
      .Int(static_cast<std::int64_t>(model.tries));
  if (model.state == ModelState::kReady) {
    json.Key("load_seconds").Double(Seconds(model.load_time));
    json.Key("device").String(model.device);
    json.Key("load_steps").BeginObject().Key("plan_seconds").Double(Seconds(model.steps.plan));
    json.Key("device_seconds").Double(Seconds(model.steps.device));
    json.Key("memory_seconds").Double(Seconds(model.steps.memory));
    json.Key("build_seconds").Double(Seconds(model.steps.build));
    json.Key("first_run_seconds").Double(Seconds(model.steps.prove));
    json.Key("publish_seconds").Double(Seconds(model.steps.publish)).EndObject();
    json.Key("memory_bytes").Int(static_cast<std::int64_t>(model.memory_bytes));
    json.Key("weight_bytes").Int(static_cast<std::int64_t>(model.weight_bytes));
  }
  json.Key("last_used_ms");
  if (model.totals.last.count() > 0) {
    json.Int(model.totals.last.count());
  } else {
    json.Null();
  }
  WriteCounts(json, model);
  WriteLoadSettings(json, model.load_limits);
  json.EndObject();
  return json.Take();
}

Result<std::string> DescribeModelStatus(std::string_view body) {
  Result<JsonElement> root = ParseJson(body);
  if (!root) return Forward(root);
  Result<JsonObject> object = JsonObject::From(*root);
  if (!object) return Forward(object);
  if (auto cancelled = object->FindBool("cancelled"); cancelled && *cancelled) {
    return std::string(**cancelled ? "the load was given up\n" : "nothing was loading\n");
  }
  std::string text;
  Describe(*root, 0, text);
  return text;
}

std::string ReadErrorMessage(std::string_view body, long status) {
  if (const Result<JsonElement> root = ParseJson(body)) {
    std::string_view message;
    if (root->at_pointer("/error/message").get(message) == simdjson::SUCCESS) return std::string(message);
  }
  return fmt::format("the server answered with {}", status);
}

Result<ModelChanges> ParseModelSettings(std::string_view body, Duration longest_deadline) {
  constexpr std::int64_t kDay = 24LL * 3600 * 1000;
  static const std::vector<std::string> kFields = {"workers",       "max_waiting",     "max_jobs",
                                                   "max_bytes",     "deadline_ms",     "load_tries",
                                                   "load_pause_ms", "load_timeout_ms", "fallback"};
  Result<JsonObject> object = ParseJsonObject(body);
  if (!object) return Forward(object);
  if (Status known = object->OnlyKnown(kFields); !known) return Forward(known);
  Status read;
  const auto number = [&](std::string_view key, std::int64_t least, std::int64_t most, auto make, auto& to) {
    const auto value = object->FindInt(key, least, most);
    if (!value) read = std::unexpected(value.error());
    if (value && *value) to = make(**value);
  };
  const auto count = [](std::int64_t value) { return static_cast<std::size_t>(value); };
  const auto time = [](std::int64_t value) { return std::chrono::milliseconds(value); };
  ModelChanges changes;
  number("workers", 1, 1024, count, changes.serving.workers);
  number("max_jobs", 1, 1'000'000, count, changes.serving.max_jobs);
  number("max_waiting", 0, 1'000'000, count, changes.serving.max_waiting);
  number("max_bytes", 1, std::int64_t{1} << 40, count, changes.serving.max_bytes);
  const auto longest = std::chrono::duration_cast<std::chrono::milliseconds>(longest_deadline).count();
  number("deadline_ms", 1, longest, time, changes.serving.max_deadline);
  number("load_tries", 1, 100, count, changes.load.tries);
  number("load_pause_ms", 0, kDay, time, changes.load.pause);
  number("load_timeout_ms", 1, kDay, time, changes.load.timeout);
  const auto fallback = object->FindBool("fallback");
  if (!fallback) return std::unexpected(fallback.error());
  changes.load.fallback = *fallback;
  if (!read) return Forward(read);
  return changes;
}

std::string WriteCancelled(const std::string& name, bool cancelled) {
  JsonWriter json;
  json.BeginObject().Key("name").String(name).Key("cancelled").Bool(cancelled).EndObject();
  return json.Take();
}

std::string WriteRepositoryIndex(const std::vector<ModelStatus>& models, bool ready) {
  JsonWriter json;
  json.BeginArray();
  for (const IndexRow& row : IndexOf(models, ready)) {
    json.BeginObject().Key("name").String(row.name).Key("version").String(row.version);
    json.Key("state").String(row.state).Key("reason").String(row.reason).EndObject();
  }
  json.EndArray();
  return json.Take();
}

Result<bool> ParseRepositoryIndex(std::string_view body) {
  static const std::array<std::string, 1> kFields = {"ready"};
  if (body.empty()) return false;
  Result<JsonObject> object = ParseJsonObject(body);
  if (!object) return Forward(object);
  if (Status known = object->OnlyKnown(kFields); !known) return Forward(known);
  auto ready = object->FindBool("ready");
  if (!ready) return Forward(ready);
  return ready->value_or(false);
}

Status CheckRepositoryCall(std::string_view body) {
  static const std::array<std::string, 1> kFields = {"parameters"};
  static const std::array<std::string, 1> kParameters = {"unload_dependents"};
  if (body.empty()) return {};
  Result<JsonObject> object = ParseJsonObject(body);
  if (!object) return Forward(object);
  if (Status known = object->OnlyKnown(kFields); !known) return known;
  const auto parameters = object->FindObject("parameters");
  if (!parameters) return std::unexpected(parameters.error());
  return *parameters ? (*parameters)->OnlyKnown(kParameters) : Status();
}

std::string WriteLegacyStatus(const ModelStatus* model) {
  JsonWriter json;
  json.BeginObject();
  if (model == nullptr || (model->state != ModelState::kReady && model->reason.empty())) {
    std::string_view why = "the model has not been loaded yet";
    if (model == nullptr) why = "no model is the default: set default_model";
    if (model != nullptr && model->loading) why = "the model is being loaded";
    json.Key("status").String("not_loaded").Key("message").String(why).EndObject();
    return json.Take();
  }
  const bool failed = model->state != ModelState::kReady;
  json.Key("status").String(failed ? "error" : "loaded").Key("model_name").String(model->name);
  json.Key("load_time").Double(Seconds(model->load_time));
  json.Key("memory_usage_mb").Double(static_cast<double>(model->memory_bytes) / kMib);
  const std::string device = model->device.empty() ? "cpu" : model->device;
  json.Key("device").String(device).Key("fallback_used").Bool(model->fallback_used);
  json.Key("retry_count").Int(static_cast<std::int64_t>(std::max<std::size_t>(model->tries, 1) - 1));
  json.Key("error_message");
  if (model->reason.empty()) {
    json.Null().Key("error_type").Null();
  } else {
    json.String(model->reason).Key("error_type").String(LegacyErrorType(model->failure.value_or(Code::kInternal)));
  }
  json.Key("config").BeginObject().Key("name").String(model->name).Key("cache_dir").Null();
  json.Key("device").String(device).Key("trust_remote_code").Bool(false).EndObject().EndObject();
  return json.Take();
}

std::string WriteLegacyReload(const ModelStatus& model) {
  JsonWriter json;
  json.BeginObject().Key("status").String("success").Key("message").String("the model was loaded anew");
  json.Key("model_info").BeginObject().Key("name").String(model.name);
  json.Key("load_time").Double(Seconds(model.load_time)).Key("device").String(model.device).EndObject().EndObject();
  return json.Take();
}

std::string WriteLegacyReloadError(const std::string& message) {
  JsonWriter json;
  json.BeginObject().Key("status").String("error").Key("message").String(message).EndObject();
  return json.Take();
}

}  // namespace weir::codec
