#include <utility>

#include "codec/oip.h"
#include "http/routes.h"

namespace weir::http {
namespace {

using access::Scope;

void Refuse(const ExchangePtr& exchange, const Error& error) { exchange->Respond(ErrorResponse(error, Dialect::kOip)); }

// The path's model, or the version of it that the path names; empty when it names none.
std::string ReferenceIn(const Exchange& exchange) {
  const std::vector<std::string>& parts = exchange.parameters;
  if (parts.empty()) return {};
  return parts.size() > 1 ? parts[0] + "/" + parts[1] : parts[0];
}

Response ResponseOf(codec::InferText text, const StageTimes& times) {
  Response response{.body = std::move(text.body), .times = times};
  if (text.json_length == 0) return response;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("Inference-Header-Content-Length", std::to_string(text.json_length));
  return response;
}

void HandleInfer(InferService& infer, const ExchangePtr& exchange) {
  const auto bytes = codec::SplitInfer(exchange->body(), exchange->Header("inference-header-content-length"));
  if (!bytes) return Refuse(exchange, bytes.error());
  Result<codec::InferBody> body = codec::ParseInfer(*bytes, exchange);
  if (!body) return Refuse(exchange, body.error());
  const Result<Priority> priority = PriorityOf(*exchange, body->priority);
  if (!priority) return Refuse(exchange, priority.error());
  InferRequest request{.model = ReferenceIn(*exchange),
                       .inputs = std::move(body->inputs),
                       .outputs = body->outputs,
                       .patience = exchange->patience,
                       .timeout = body->timeout,
                       .priority = *priority,
                       .client = exchange->client,
                       .stop = exchange->stop()};
  infer.Infer(std::move(request), [exchange, body = std::move(*body)](Result<InferAnswer> answer) {
    if (!answer) return Refuse(exchange, answer.error());
    Result<codec::InferText> text = codec::WriteInfer(exchange->parameters[0], body, *answer);
    if (!text) return Refuse(exchange, text.error());
    exchange->Respond(ResponseOf(std::move(*text), answer->times));
  });
}

// What `write` makes of the model's description.
void HandleDescription(InferService& infer, const ExchangePtr& exchange,
                       std::string (*write)(const std::string&, const ModelDescription&)) {
  infer.Describe(ReferenceIn(*exchange), exchange->patience.deadline,
                 [exchange, write](Result<ModelDescription> description) {
                   if (!description) return Refuse(exchange, description.error());
                   exchange->Respond({.body = write(exchange->parameters[0], *description)});
                 });
}

// 200 or 503 at once: a probe does not wait for loading.
void HandleModelReady(const InferService& infer, const ExchangePtr& exchange) {
  const Status ready = infer.Ready(ReferenceIn(*exchange));
  exchange->Respond(ready ? Response{} : ErrorResponse(ready.error(), Dialect::kOip));
}

void HandleStatistics(const InferService& infer, const ExchangePtr& exchange) {
  const Result<std::vector<ModelStatus>> models = infer.Statistics(ReferenceIn(*exchange));
  if (!models) return Refuse(exchange, models.error());
  exchange->Respond({.body = codec::WriteStatistics(*models)});
}

void HandleLogging(const ExchangePtr& exchange) {
  const Result<LogChanges> changes = codec::ParseLogSettings(exchange->body());
  if (!changes) return Refuse(exchange, changes.error());
  if (const Status changed = Change(*changes); !changed) return Refuse(exchange, changed.error());
  exchange->Respond({.body = codec::WriteLogSettings()});
}

void HandleTrace(const InferService& infer, const ExchangePtr& exchange) {
  const bool changes = exchange->method() == "POST";
  const Status taken = changes ? codec::ParseTraceSettings(exchange->body()) : Status();
  if (!taken) return Refuse(exchange, taken.error());
  if (!exchange->parameters.empty()) {  // of one model
    const auto known = infer.Statistics(ReferenceIn(*exchange));
    if (!known) return Refuse(exchange, known.error());
  }
  exchange->Respond({.body = codec::WriteTraceSettings()});
}

}  // namespace

void AddOipRoutes(Router& router, const OipRoutesContext& context) {
  InferService& service = context.infer;
  router.Add("GET", "/v2", Dialect::kOip, Scope::kInfer,
             [](const ExchangePtr& exchange) { exchange->Respond({.body = codec::WriteServerMetadata()}); });
  router.Add("GET", "/v2/health/live", Dialect::kOip, Scope::kOpen,
             [](const ExchangePtr& exchange) { exchange->Respond({}); });
  router.Add("GET", "/v2/health/ready", Dialect::kOip, Scope::kOpen,
             [ready = context.ready](const ExchangePtr& exchange) {
               const Status status = ready();
               exchange->Respond(status ? Response{} : ErrorResponse(status.error(), Dialect::kOip));
             });
  const auto metadata = [&service](const ExchangePtr& exchange) {
    HandleDescription(service, exchange, codec::WriteModelMetadata);
  };
  const auto config = [&service](const ExchangePtr& exchange) {
    HandleDescription(service, exchange, codec::WriteModelConfig);
  };
  const auto model_ready = [&service](const ExchangePtr& exchange) { HandleModelReady(service, exchange); };
  const auto infer = [&service](const ExchangePtr& exchange) { HandleInfer(service, exchange); };
  const auto statistics = [&service](const ExchangePtr& exchange) { HandleStatistics(service, exchange); };
  router.Add("GET", "/v2/models/stats", Dialect::kOip, Scope::kInfer, statistics);
  router.Add("GET", "/v2/models/{model}/stats", Dialect::kOip, Scope::kInfer, statistics);
  router.Add("GET", "/v2/models/{model}/versions/{version}/stats", Dialect::kOip, Scope::kInfer, statistics);
  router.Add("GET", "/v2/models/{model}", Dialect::kOip, Scope::kInfer, metadata);
  router.Add("GET", "/v2/models/{model}/config", Dialect::kOip, Scope::kInfer, config);
  router.Add("GET", "/v2/models/{model}/versions/{version}/config", Dialect::kOip, Scope::kInfer, config);
  router.Add("GET", "/v2/models/{model}/ready", Dialect::kOip, Scope::kInfer, model_ready);
  router.Add("POST", "/v2/models/{model}/infer", Dialect::kOip, Scope::kInfer, infer);
  router.Add("GET", "/v2/models/{model}/versions/{version}", Dialect::kOip, Scope::kInfer, metadata);
  router.Add("GET", "/v2/models/{model}/versions/{version}/ready", Dialect::kOip, Scope::kInfer, model_ready);
  router.Add("POST", "/v2/models/{model}/versions/{version}/infer", Dialect::kOip, Scope::kInfer, infer);
  router.Add("GET", "/v2/logging", Dialect::kOip, Scope::kInfer,
             [](const ExchangePtr& exchange) { exchange->Respond({.body = codec::WriteLogSettings()}); });
  router.Add("POST", "/v2/logging", Dialect::kOip, Scope::kAdmin, HandleLogging);
  const auto trace = [&service](const ExchangePtr& exchange) { HandleTrace(service, exchange); };
  for (const std::string_view pattern : {"/v2/trace/setting", "/v2/models/{model}/trace/setting"}) {
    router.Add("GET", pattern, Dialect::kOip, Scope::kInfer, trace);
    router.Add("POST", pattern, Dialect::kOip, Scope::kAdmin, trace);
  }
}

}  // namespace weir::http
