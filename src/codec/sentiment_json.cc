#include "codec/sentiment_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/ids.h"
#include "base/version.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"

namespace weir::codec {
namespace {

constexpr std::size_t kMostComment = 10'000;

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool is_hex =
        (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f') || (text[i] >= 'A' && text[i] <= 'F');
    if (is_dash ? text[i] != '-' : !is_hex) return false;
  }
  return true;
}

// A text that is not too long, of a field that may be missing.
Result<std::optional<std::string>> ShortText(const JsonObject& object, const std::string& key) {
  auto text = object.FindString(key);
  if (!text) return text;
  if (*text && sentiment::CountCharacters(**text) > kMostComment) {
    return InvalidArgument(fmt::format("'{}' has more than {} characters", key, kMostComment), key);
  }
  return text;
}

std::string_view ErrorCode(const Error& error) {
  switch (error.code) {
    case Code::kInvalidArgument:
    case Code::kUnprocessable: return "E1001";
    case Code::kTooLarge: return "E1002";
    case Code::kNotFound:
    case Code::kUnavailable: return "E2001";
    case Code::kUnauthenticated: return "E3001";
    case Code::kPermissionDenied: return "E3002";
    case Code::kResourceExhausted: return "E4005";
    case Code::kDeadlineExceeded: return "E4002";
    case Code::kCancelled:
    case Code::kConflict: return "E4003";
    case Code::kInternal: return "E4001";
  }
  return "E4001";
}

void Optional(JsonWriter& json, std::string_view key, const std::optional<std::string>& text) {
  json.Key(key);
  if (text) {
    json.String(*text);
  } else {
    json.Null();
  }
}

bool Loaded(const SentimentState& state) { return state.reason.empty(); }

void Dependency(JsonWriter& json, std::string_view name, std::string_view status, const std::string& error) {
  json.BeginObject().Key("component_name").String(name).Key("details").BeginObject().Key("status").String(status);
  Optional(json, "error", error.empty() ? std::nullopt : std::optional(error));
  json.EndObject().EndObject();
}

}  // namespace

Result<std::string> ParseSentiment(std::string_view body) {
  Result<JsonObject> object = ParseJsonObject(body);
  if (!object) return Forward(object);
  Result<std::string> text = object->RequireString("text");
  if (!text) return Forward(text);
  const std::size_t length = sentiment::CountCharacters(sentiment::Strip(*text));
  if (length == 0) return InvalidArgument("'text' is empty, or nothing but white space", "text");
  if (length > sentiment::kMostCharacters) {
    return InvalidArgument(
        fmt::format("'text' has {} characters, at most {} are allowed", length, sentiment::kMostCharacters), "text");
  }
  return text;
}

Result<sentiment::Feedback> ParseFeedback(std::string_view body) {
  constexpr std::array<std::string_view, 3> kLabels = {"POSITIVE", "NEGATIVE", "NEUTRAL"};
  Result<JsonObject> object = ParseJsonObject(body);
  if (!object) return Forward(object);
  sentiment::Feedback feedback;
  Result<std::string> id = object->RequireString("prediction_id");
  if (!id) return Forward(id);
  if (!IsUuid(*id)) return InvalidArgument(fmt::format("'prediction_id' is no UUID: '{}'", *id), "prediction_id");
  feedback.prediction_id = std::move(*id);
  Result<std::string> label = object->RequireString("corrected_label");
  if (!label) return Forward(label);
  if (std::ranges::find(kLabels, *label) == kLabels.end()) {
    return InvalidArgument(fmt::format("'corrected_label' must be {}, not '{}'", fmt::join(kLabels, " or "), *label),
                           "corrected_label");
  }
  feedback.corrected_label = std::move(*label);
  const auto score = object->Find("score");
  if (!score) return std::unexpected(score.error());
  double value = 0;
  if (*score && ((*score)->get(value) || !(value >= 0 && value <= 1))) {
    return InvalidArgument("'score' must be a number from 0 to 1", "score");
  }
  if (*score) feedback.score = value;
  for (const auto& [key, place] : {std::pair("text", &feedback.text), std::pair("user_id", &feedback.user_id),
                                   std::pair("comments", &feedback.comments)}) {
    auto text = ShortText(*object, key);
    if (!text) return Forward(text);
    *place = std::move(*text);
  }
  return feedback;
}

std::string WriteSentiment(const sentiment::Prediction& prediction) {
  JsonWriter json;
  json.BeginObject().Key("label").String(prediction.label).Key("score").Float(prediction.score);
  json.Key("inference_time_ms").Double(1000 * Seconds(prediction.time)).Key("model_name").String(prediction.model);
  json.Key("text_length").Int(static_cast<std::int64_t>(prediction.text_length)).Key("backend").String("onnx");
  json.Key("cached").Bool(prediction.cached).Key("prediction_id").String(prediction.id).Key("features").Null();
  return json.EndObject().Take();
}

std::string WriteFeedbackTaken(const std::string& prediction_id) {
  JsonWriter json;
  json.BeginObject().Key("status").String("success").Key("message").String("Feedback received");
  return json.Key("prediction_id").String(prediction_id).EndObject().Take();
}

std::string WriteFeedback(const std::vector<sentiment::Feedback>& entries) {
  JsonWriter json;
  json.BeginObject().Key("feedback").BeginArray();
  for (const sentiment::Feedback& one : entries) {
    json.BeginObject().Key("prediction_id").String(one.prediction_id).Key("received_at").String(one.received_at);
    json.Key("corrected_label").String(one.corrected_label);
    Optional(json, "text", one.text);
    json.Key("score");
    if (one.score) {
      json.Double(*one.score);
    } else {
      json.Null();
    }
    Optional(json, "user_id", one.user_id);
    Optional(json, "comments", one.comments);
    json.EndObject();
  }
  return json.EndArray().EndObject().Take();
}

int SentimentStatus(const Error& error) {
  switch (error.code) {
    case Code::kInvalidArgument:
    case Code::kUnprocessable: return 422;
    case Code::kTooLarge: return error.field == "text" ? 400 : 413;
    case Code::kNotFound:
    case Code::kUnavailable:
    case Code::kResourceExhausted: return 503;
    case Code::kUnauthenticated: return 401;
    case Code::kPermissionDenied: return 403;
    case Code::kDeadlineExceeded: return 504;
    case Code::kCancelled: return 499;
    case Code::kConflict: return 409;
    case Code::kInternal: return 500;
  }
  return 500;
}

std::string SentimentError(const Error& error, const std::string& id) {
  JsonWriter json;
  json.BeginObject();
  if (error.code == Code::kUnauthenticated) return json.Key("detail").String("Unauthorized").EndObject().Take();
  const int status = SentimentStatus(error);
  json.Key("error_code").String(ErrorCode(error));
  if (status == 422) {
    json.Key("error_message").String("Request validation failed").Key("detail").String(error.message);
    json.Key("validation_errors").BeginArray().BeginObject().Key("loc").BeginArray().String("body");
    if (!error.field.empty()) json.String(error.field);
    json.EndArray().Key("msg").String(error.message).Key("type").String("value_error").EndObject().EndArray();
  } else {
    json.Key("error_message").String(error.message).Key("status_code").Int(status);
  }
  json.Key("correlation_id").String(id).Key("timestamp").String(UtcNow());
  if (error.code == Code::kInternal) json.Key("error_id").String(id);
  if (status != 422) {
    json.Key("context").BeginObject();
    if (!error.field.empty()) json.Key("field").String(error.field);
    if (error.retry_after.count() > 0) json.Key("retry_after_ms").Int(error.retry_after.count());
    json.EndObject();
  }
  return json.EndObject().Take();
}

std::string WriteSentimentRoot(const std::string& prefix) {
  JsonWriter json;
  json.BeginObject().Key("service").String("weir").Key("version").String(kVersion).Key("status").String("operational");
  return json.Key("docs_url").String("/docs").Key("health_url").String(prefix + "/health").EndObject().Take();
}

std::string WriteSentimentHealth(const SentimentState& state) {
  JsonWriter json;
  json.BeginObject().Key("status").String(Loaded(state) ? "healthy" : "unhealthy");
  json.Key("model_status").String(Loaded(state) ? "available" : "unavailable").Key("version").String(kVersion);
  json.Key("backend").String("onnx").Key("timestamp").String(UtcNow());
  return json.Key("kafka_status").Null().Key("async_batch_status").Null().EndObject().Take();
}

std::string WriteSentimentHealthDetails(const SentimentState& state) {
  JsonWriter json;
  json.BeginObject().Key("status").String(Loaded(state) ? "healthy" : "unhealthy").Key("version").String(kVersion);
  json.Key("timestamp").String(UtcNow()).Key("dependencies").BeginArray();
  Dependency(json, "model", Loaded(state) ? "healthy" : "unhealthy", state.reason);
  Dependency(json, "system", state.ready ? "healthy" : "degraded", state.ready ? "" : state.ready.error().message);
  Dependency(json, "feedback", state.keeps_feedback ? "healthy" : "disabled", "");
  for (const std::string_view absent : {"secrets_backend", "kafka", "async_batch"})
    Dependency(json, absent, "disabled", "");
  return json.EndArray().EndObject().Take();
}

std::string WriteSentimentModel(const SentimentState& state) {
  JsonWriter json;
  json.BeginObject().Key("model_name");
  if (state.model) {
    json.String(state.model->name);
  } else {
    json.Null();
  }
  json.Key("backend").String("onnx").Key("providers").BeginArray();
  if (state.model && !state.model->device.empty()) {
    json.String(state.model->device == "cpu" ? "CPUExecutionProvider" : "CUDAExecutionProvider");
  }
  json.EndArray().Key("is_loaded").Bool(Loaded(state)).Key("is_ready").Bool(Loaded(state));
  json.Key("version").String(state.model ? VersionText(state.model->version) : "");
  const auto number = [&](std::string_view key, std::uint64_t value) {
    json.Key(key).Int(static_cast<std::int64_t>(value));
  };
  const RunTotals::Numbers none;
  const RunTotals::Numbers& totals = state.model ? state.model->totals : none;
  json.Key("cache_stats").BeginObject().Key("enabled").Bool(state.cache_bytes > 0);
  number("hits", totals.cache_hits.count);
  number("misses", totals.cache_misses.count);
  number("max_bytes", state.cache_bytes);
  return json.EndObject().EndObject().Take();
}

std::string WriteSentimentMetrics(const SentimentState& state) {
  const sentiment::Counts& counts = state.counts;
  JsonWriter json;
  const auto number = [&](std::string_view key, auto value) { json.Key(key).Int(static_cast<std::int64_t>(value)); };
  json.BeginObject();
  number("sentiment_requests_total", counts.requests);
  number("sentiment_requests_failed_total", counts.failed);
  number("sentiment_active_requests", counts.active);
  number("sentiment_predictions_total", counts.predictions);
  number("sentiment_predictions_cached_total", counts.cached);
  json.Key("sentiment_inference_duration_seconds_sum").Double(counts.prediction_seconds);
  const double mean = counts.predictions == 0 ? 0 : counts.prediction_seconds / static_cast<double>(counts.predictions);
  json.Key("average_inference_time_ms").Double(1000 * mean);
  number("sentiment_model_loaded", Loaded(state) ? 1 : 0);
  json.Key("timestamp").String(UtcNow());
  return json.EndObject().Take();
}

}  // namespace weir::codec
