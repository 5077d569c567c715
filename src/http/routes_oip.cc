#include <algorithm>
#include <utility>

#include "codec/json_writer.h"
#include "codec/oip.h"
#include "http/routes.h"

namespace weir::http {
namespace {

using Ready = Result<Registry::DeploymentPtr>;

void Refuse(const ExchangePtr& exchange, const Error& error) { exchange->Respond(ErrorResponse(error, Dialect::kOip)); }

void HandleInfer(Engine& engine, const ExchangePtr& exchange) {
  if (!exchange->Header("inference-header-content-length").empty()) {
    return Refuse(exchange, {Code::kInvalidArgument,
                             "binary tensors are not served; send and ask for JSON data (binary_data: false)"});
  }
  const std::string& name = exchange->parameters[0];
  engine.WhenReady(name, exchange->deadline, [exchange](Ready ready) {
    if (!ready) return Refuse(exchange, ready.error());
    Deployment& deployment = **ready;
    const std::shared_ptr<const Servable>& servable = deployment.servable();
    Result<codec::InferBody> body = codec::ParseInfer(exchange->body(), servable->manifest());
    if (!body) return Refuse(exchange, body.error());
    if (body->timeout) {  // shortens what the request has, and is cut to the server's maximum by that
      exchange->deadline = Deadline(std::min(exchange->deadline.at(), exchange->received + *body->timeout));
    }
    JobRequest job{.inputs = std::move(body->inputs),
                   .deadline = exchange->deadline,
                   .stop = exchange->stop(),
                   .priority = body->priority.value_or(exchange->priority),
                   .client = exchange->client};
    deployment.Offer(std::move(job), [exchange, servable, body = std::move(*body)](Result<Output> output) {
      if (!output) return Refuse(exchange, output.error());
      exchange->Respond(
          {.body = codec::WriteInfer(exchange->parameters[0], body, servable->manifest(), output->tensors),
           .times = output->times});
    });
  });
}

void HandleMetadata(Engine& engine, const ExchangePtr& exchange) {
  engine.WhenReady(exchange->parameters[0], exchange->deadline, [exchange](Ready ready) {
    if (!ready) return Refuse(exchange, ready.error());
    const std::string& name = exchange->parameters[0];
    exchange->Respond({.body = codec::WriteModelMetadata(name, (*ready)->servable()->manifest())});
  });
}

// 200 or 503 at once: a probe does not wait for loading.
void HandleModelReady(Engine& engine, const ExchangePtr& exchange) {
  const std::string& name = exchange->parameters[0];
  for (const ModelStatus& model : engine.States()) {
    if (model.name != name) continue;
    if (model.state == ModelState::kReady) return exchange->Respond({});
    std::string why = "model '" + name + "' is " + std::string(ModelStateName(model.state));
    if (!model.reason.empty()) why += ": " + model.reason;
    return Refuse(exchange, {Code::kUnavailable, std::move(why)});
  }
  HandleMetadata(engine, exchange);  // unknown: the registry's own answer names the nearest model
}

}  // namespace

void AddOipRoutes(Router& router, const OipRoutesContext& context) {
  Engine& engine = context.engine;
  router.Add("GET", "/v2", Dialect::kOip,
             [](const ExchangePtr& exchange) { exchange->Respond({.body = codec::WriteServerMetadata()}); });
  router.Add("GET", "/v2/health/live", Dialect::kOip, [](const ExchangePtr& exchange) { exchange->Respond({}); });
  router.Add("GET", "/v2/health/ready", Dialect::kOip, [ready = context.ready](const ExchangePtr& exchange) {
    const Status status = ready();
    exchange->Respond(status ? Response{} : ErrorResponse(status.error(), Dialect::kOip));
  });
  router.Add("GET", "/v2/models/{model}", Dialect::kOip,
             [&engine](const ExchangePtr& exchange) { HandleMetadata(engine, exchange); });
  router.Add("GET", "/v2/models/{model}/ready", Dialect::kOip,
             [&engine](const ExchangePtr& exchange) { HandleModelReady(engine, exchange); });
  router.Add("POST", "/v2/models/{model}/infer", Dialect::kOip,
             [&engine](const ExchangePtr& exchange) { HandleInfer(engine, exchange); });
}

}  // namespace weir::http
