#include <algorithm>
#include <utility>

#include "codec/json_writer.h"
#include "codec/oip.h"
#include "http/model_deadline.h"
#include "http/routes.h"

namespace weir::http {
namespace {

using access::Scope;

using Ready = Result<Registry::DeploymentPtr>;

void Refuse(const ExchangePtr& exchange, const Error& error) { exchange->Respond(ErrorResponse(error, Dialect::kOip)); }

// The path's model, or the version of it that the path names.
std::string ReferenceIn(const Exchange& exchange) {
  const std::vector<std::string>& parts = exchange.parameters;
  return parts.size() > 1 ? parts[0] + "/" + parts[1] : parts[0];
}

std::string VersionOf(const Deployment& deployment) {
  return VersionText(ParseReference(deployment.name()).version.value_or(0));
}

Response AnswerOf(codec::InferAnswer answer, const StageTimes& times) {
  Response response{.body = std::move(answer.body), .times = times};
  if (answer.json_length == 0) return response;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("Inference-Header-Content-Length", std::to_string(answer.json_length));
  return response;
}

void HandleInfer(Engine& engine, const ExchangePtr& exchange) {
  const auto bytes = codec::SplitInfer(exchange->body(), exchange->Header("inference-header-content-length"));
  if (!bytes) return Refuse(exchange, bytes.error());
  const std::string reference = ReferenceIn(*exchange);
  const Registry::Outlook outlook = engine.LookAhead(reference);
  std::optional<std::chrono::microseconds> timeout;
  if (!outlook.ready) {  // the body says, among the rest, how long its client waits for the model
    const auto named = codec::ParseInferTimeout(bytes->json);
    if (!named) return Refuse(exchange, named.error());
    timeout = *named;
  }
  ApplyDeadline(outlook, timeout, *exchange);
  engine.WhenReady(reference, exchange->deadline, [exchange, bytes = *bytes](Ready ready) {
    if (!ready) return Refuse(exchange, ready.error());
    Deployment& deployment = **ready;
    const std::shared_ptr<const Servable>& servable = deployment.servable();
    Result<codec::InferBody> body = codec::ParseInfer(bytes, exchange, servable->manifest());
    if (!body) return Refuse(exchange, body.error());
    if (body->timeout) {  // shortens what the request has, and is cut to the server's maximum by that
      exchange->deadline = Deadline(std::min(exchange->deadline.at(), exchange->received + *body->timeout));
    }
    const Result<Priority> priority = PriorityOf(*exchange, body->priority);
    if (!priority) return Refuse(exchange, priority.error());
    JobRequest job{.inputs = std::move(body->inputs),
                   .deadline = exchange->deadline,
                   .stop = exchange->stop(),
                   .priority = *priority,
                   .client = exchange->client};
    deployment.Offer(std::move(job), [exchange, servable, version = VersionOf(deployment),
                                      body = std::move(*body)](Result<Output> output) {
      if (!output) return Refuse(exchange, output.error());
      exchange->Respond(
          AnswerOf(codec::WriteInfer(exchange->parameters[0], version, body, servable->manifest(), output->tensors),
                   output->times));
    });
  });
}

// The one that the path names, or all that can be asked for, the oldest first.
std::vector<std::string> VersionsToShow(const Engine& engine, const Exchange& exchange) {
  if (exchange.parameters.size() > 1) return {exchange.parameters[1]};
  const Result<ModelStatus> model = engine.StateOf(exchange.parameters[0]);
  std::vector<std::string> versions;
  if (!model) return versions;
  for (const VersionStatus& version : model->versions) {
    if (version.offered) versions.insert(versions.begin(), VersionText(version.version));
  }
  return versions;
}

void HandleMetadata(Engine& engine, const ExchangePtr& exchange) {
  engine.WhenReady(ReferenceIn(*exchange), exchange->deadline, [&engine, exchange](Ready ready) {
    if (!ready) return Refuse(exchange, ready.error());
    exchange->Respond({.body = codec::WriteModelMetadata(exchange->parameters[0], VersionsToShow(engine, *exchange),
                                                         (*ready)->servable()->manifest())});
  });
}

void HandleConfig(Engine& engine, const ExchangePtr& exchange) {
  engine.WhenReady(ReferenceIn(*exchange), exchange->deadline, [&engine, exchange](Ready ready) {
    if (!ready) return Refuse(exchange, ready.error());
    exchange->Respond({.body = codec::WriteModelConfig(exchange->parameters[0], VersionsToShow(engine, *exchange),
                                                       (*ready)->servable()->manifest(), (*ready)->status().workers)});
  });
}

// 200 or 503 at once: a probe does not wait for loading.
void HandleModelReady(Engine& engine, const ExchangePtr& exchange) {
  const std::string reference = ReferenceIn(*exchange);
  const Result<ModelStatus> model = engine.StateOf(reference);
  if (!model) return Refuse(exchange, model.error());
  if (model->state == ModelState::kReady) return exchange->Respond({});
  std::string why = "model '" + reference + "' is " + std::string(ModelStateName(model->state));
  if (!model->reason.empty()) why += ": " + model->reason;
  Refuse(exchange, {Code::kUnavailable, std::move(why)});
}

// All versions that are there, each for itself.
void AddVersions(const Engine& engine, const ModelStatus& model, std::vector<ModelStatus>& statuses) {
  for (const VersionStatus& version : model.versions) {
    Result<ModelStatus> one = engine.StateOf(ReferenceOf(model.name, version.version));
    if (one) statuses.push_back(std::move(*one));
  }
}

void HandleStatistics(const Engine& engine, const ExchangePtr& exchange) {
  std::vector<ModelStatus> statuses;
  if (exchange->parameters.empty()) {
    for (const ModelStatus& model : engine.States()) AddVersions(engine, model, statuses);
  } else {
    Result<ModelStatus> model = engine.StateOf(ReferenceIn(*exchange));
    if (!model) return Refuse(exchange, model.error());
    if (exchange->parameters.size() > 1) {
      statuses.push_back(std::move(*model));
    } else {
      AddVersions(engine, *model, statuses);
    }
  }
  exchange->Respond({.body = codec::WriteStatistics(statuses)});
}

}  // namespace

void AddOipRoutes(Router& router, const OipRoutesContext& context) {
  Engine& engine = context.engine;
  router.Add("GET", "/v2", Dialect::kOip, Scope::kInfer,
             [](const ExchangePtr& exchange) { exchange->Respond({.body = codec::WriteServerMetadata()}); });
  router.Add("GET", "/v2/health/live", Dialect::kOip, Scope::kOpen,
             [](const ExchangePtr& exchange) { exchange->Respond({}); });
  router.Add("GET", "/v2/health/ready", Dialect::kOip, Scope::kOpen,
             [ready = context.ready](const ExchangePtr& exchange) {
               const Status status = ready();
               exchange->Respond(status ? Response{} : ErrorResponse(status.error(), Dialect::kOip));
             });
  const auto metadata = [&engine](const ExchangePtr& exchange) { HandleMetadata(engine, exchange); };
  const auto config = [&engine](const ExchangePtr& exchange) { HandleConfig(engine, exchange); };
  const auto model_ready = [&engine](const ExchangePtr& exchange) { HandleModelReady(engine, exchange); };
  const auto infer = [&engine](const ExchangePtr& exchange) { HandleInfer(engine, exchange); };
  const auto statistics = [&engine](const ExchangePtr& exchange) { HandleStatistics(engine, exchange); };
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
}

}  // namespace weir::http
