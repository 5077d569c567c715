#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "codec/sentiment_json.h"
#include "http/choose_model.h"
#include "http/routes.h"

namespace weir::http {
namespace {

using access::Scope;

constexpr std::size_t kMostFeedback = 1000;  // of one answer

void Refuse(const ExchangePtr& exchange, const Error& error) {
  exchange->Respond(ErrorResponse(error, Dialect::kSentiment, exchange->request_id));
}

// The value of "name=value" in a query, as it stands there; nullopt when there is none.
std::optional<std::string_view> Parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(one.size() + 1, query.size()));
    const std::size_t equals = one.find('=');
    if (one.substr(0, equals) == name) return equals == one.npos ? std::string_view() : one.substr(equals + 1);
  }
  return std::nullopt;
}

Status CheckBackend(std::string_view query) {
  const auto backend = Parameter(query, "backend");
  if (!backend || *backend == "onnx" || *backend == "pytorch") return {};
  return InvalidArgument(fmt::format("'backend' must be onnx or pytorch, not '{}'", *backend), "backend");
}

// The model that the service asks.
Result<std::string> ModelOf(const SentimentRoutesContext& context) {
  return ChooseModel(context.engine, std::nullopt, context.model, "classification");
}

codec::SentimentState StateOf(const SentimentRoutesContext& context) {
  codec::SentimentState state{.ready = context.ready(),
                              .keeps_feedback = context.feedback != nullptr,
                              .cache_bytes = context.cache_bytes,
                              .counts = context.probe.counts()};
  const Result<std::string> name = ModelOf(context);
  const Result<ModelStatus> model = name ? context.engine.StateOf(*name) : std::unexpected(name.error());
  if (!model) {
    state.reason = model.error().message;
  } else {
    state.model = *model;
    const bool serves = model->state == ModelState::kReady;
    if (!serves) state.reason = fmt::format("model '{}' is {}", model->name, ModelStateName(model->state));
    if (!serves && !model->reason.empty()) state.reason += ": " + model->reason;
  }
  context.probe.ModelLoaded(state.reason.empty());
  return state;
}

void HandlePredict(const SentimentRoutesContext& context, const ExchangePtr& exchange) {
  if (const Status backend = CheckBackend(exchange->query()); !backend) return Refuse(exchange, backend.error());
  Result<std::string> text = codec::ParseSentiment(exchange->body());
  if (!text) return Refuse(exchange, text.error());
  Result<std::string> model = ModelOf(context);
  if (!model) return Refuse(exchange, {Code::kUnavailable, model.error().message});
  const Deadline deadline = DeadlineWithin(context.engine.LookAhead(*model), exchange->patience);
  context.service.Predict({.model = std::move(*model),
                           .text = std::move(*text),
                           .priority = exchange->priority,
                           .client = exchange->client,
                           .deadline = deadline,
                           .stop = exchange->stop()},
                          [&probe = context.probe, exchange](Result<sentiment::Prediction> prediction) {
                            if (!prediction) return Refuse(exchange, prediction.error());
                            probe.Predicted(*prediction);
                            Response response{.body = codec::WriteSentiment(*prediction), .times = prediction->times};
                            response.headers.emplace_back("X-Inference-Time-MS",
                                                          fmt::format("{:.3f}", 1000 * Seconds(prediction->time)));
                            response.headers.emplace_back("X-Model-Backend", "onnx");
                            exchange->Respond(std::move(response));
                          });
}

void HandleFeedback(const SentimentRoutesContext& context, const ExchangePtr& exchange) {
  Result<sentiment::Feedback> feedback = codec::ParseFeedback(exchange->body());
  if (!feedback) return Refuse(exchange, feedback.error());
  if (context.feedback == nullptr) return Refuse(exchange, {Code::kUnavailable, "Feedback system unavailable"});
  context.disk.Submit([&store = *context.feedback, exchange, feedback = std::move(*feedback)] {
    const Status added = store.Add(feedback);
    if (!added) return Refuse(exchange, {Code::kUnavailable, "Feedback system unavailable: " + added.error().message});
    exchange->Respond({.status = 201, .body = codec::WriteFeedbackTaken(feedback.prediction_id)});
  });
}

void HandleFeedbackList(const SentimentRoutesContext& context, const ExchangePtr& exchange) {
  if (context.feedback == nullptr) return Refuse(exchange, {Code::kUnavailable, "Feedback system unavailable"});
  std::size_t most = 100;
  if (const auto limit = Parameter(exchange->query(), "limit")) {
    const auto [end, error] = std::from_chars(limit->data(), limit->data() + limit->size(), most);
    if (error != std::errc() || end != limit->data() + limit->size() || most < 1 || most > kMostFeedback) {
      return Refuse(exchange,
                    {Code::kInvalidArgument, fmt::format("'limit' must be from 1 to {}", kMostFeedback), "limit"});
    }
  }
  const auto id = Parameter(exchange->query(), "prediction_id");
  context.disk.Submit(
      [&store = *context.feedback, exchange, most, id = id ? std::optional<std::string>(*id) : std::nullopt] {
        const auto found = store.Find(id, most);
        if (!found) return Refuse(exchange, found.error());
        exchange->Respond({.body = codec::WriteFeedback(*found)});
      });
}

void HandleReady(const SentimentRoutesContext& context, const ExchangePtr& exchange) {
  const codec::SentimentState state = StateOf(context);
  if (!state.ready) return Refuse(exchange, state.ready.error());
  if (!state.reason.empty()) return Refuse(exchange, {Code::kUnavailable, state.reason});
  exchange->Respond({.body = R"({"status":"ready"})"});
}

// Static strings for each path below the prefix, and without it.
struct Paths {
  std::string_view plain;
  std::string_view prefixed;
};

}  // namespace

void AddSentimentRoutes(Router& router, const SentimentRoutesContext& context) {
  const auto add = [&](std::string_view method, const Paths& paths, Scope scope,
                       void (*handle)(const SentimentRoutesContext&, const ExchangePtr&)) {
    for (const std::string_view path : {paths.plain, paths.prefixed}) {
      router.Add(method, path, Dialect::kSentiment, scope,
                 [context, handle](const ExchangePtr& exchange) { handle(context, exchange); });
    }
  };
  // The state as a body.
  const auto show = [&](const Paths& paths, Scope scope, std::string (*write)(const codec::SentimentState&)) {
    for (const std::string_view path : {paths.plain, paths.prefixed}) {
      router.Add("GET", path, Dialect::kSentiment, scope, [context, write](const ExchangePtr& exchange) {
        exchange->Respond({.body = write(StateOf(context))});
      });
    }
  };
  for (const std::string_view path : {"/", "/api/v1", "/api/v1/"}) {
    router.Add("GET", path, Dialect::kSentiment, Scope::kInfer, [prefix = context.prefix](const ExchangePtr& exchange) {
      exchange->Respond({.body = codec::WriteSentimentRoot(prefix)});
    });
  }
  add("POST", {"/predict", "/api/v1/predict"}, Scope::kInfer, HandlePredict);
  add("POST", {"/feedback", "/api/v1/feedback"}, Scope::kInfer, HandleFeedback);
  add("GET", {"/feedback", "/api/v1/feedback"}, Scope::kInfer, HandleFeedbackList);
  add("GET", {"/ready", "/api/v1/ready"}, Scope::kOpen, HandleReady);
  show({"/health", "/api/v1/health"}, Scope::kOpen, codec::WriteSentimentHealth);
  show({"/health/details", "/api/v1/health/details"}, Scope::kInfer, codec::WriteSentimentHealthDetails);
  show({"/model-info", "/api/v1/model-info"}, Scope::kInfer, codec::WriteSentimentModel);
  show({"/metrics-json", "/api/v1/metrics-json"}, Scope::kInfer, codec::WriteSentimentMetrics);
  const auto page = [context](const ExchangePtr& exchange) {
    if (!context.shows_metrics) {
      return exchange->Respond({.status = 404, .body = R"({"detail":"Metrics are disabled"})"});
    }
    StateOf(context);  // notes whether the model is there
    exchange->Respond({.body = context.metrics.Render(), .content_type = "text/plain; version=0.0.4; charset=utf-8"});
  };
  for (const std::string_view path : {"/metrics", "/api/v1/metrics"}) {
    router.Add("GET", path, Dialect::kSentiment, Scope::kOpen, page);
  }
}

}  // namespace weir::http
