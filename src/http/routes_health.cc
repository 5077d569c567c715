#include "base/version.h"
#include "codec/json_writer.h"
#include "http/routes.h"

namespace weir::http {
namespace {

using access::Scope;

std::string Overview(const Engine& engine, const std::vector<Router::RouteInfo>& routes) {
  codec::JsonWriter json;
  json.BeginObject().Key("name").String("weir").Key("version").String(kVersion);
  json.Key("models").BeginArray();
  for (const ModelStatus& model : engine.States()) {
    json.BeginObject().Key("name").String(model.name).Key("state").String(ModelStateName(model.state));
    if (!model.task.empty()) json.Key("task").String(model.task);
    if (!model.reason.empty()) json.Key("reason").String(model.reason);
    json.EndObject();
  }
  json.EndArray().Key("routes").BeginArray();
  for (const Router::RouteInfo& route : routes) {
    json.String(std::string(route.method) + " " + std::string(route.pattern));
  }
  json.EndArray().EndObject();
  return json.Take();
}

std::string StatusBody(std::string_view status) {
  codec::JsonWriter json;
  json.BeginObject().Key("status").String(status).EndObject();
  return json.Take();
}

}  // namespace

void AddHealthRoutes(Router& router, const HealthRoutesContext& context) {
  Engine& engine = context.engine;
  Metrics& metrics = context.metrics;
  router.Add("GET", "/", Dialect::kOpenAi, Scope::kInfer, [&engine, &router](const ExchangePtr& exchange) {
    exchange->Respond({.body = Overview(engine, router.List())});
  });
  router.Add("GET", "/livez", Dialect::kOpenAi, Scope::kOpen,
             [](const ExchangePtr& exchange) { exchange->Respond({.body = StatusBody("alive")}); });
  router.Add("GET", "/readyz", Dialect::kOpenAi, Scope::kOpen, [ready = context.ready](const ExchangePtr& exchange) {
    const Status status = ready();
    exchange->Respond(status ? Response{.body = StatusBody("ready")} : ErrorResponse(status.error(), Dialect::kOpenAi));
  });
  router.Add("GET", "/metrics", Dialect::kOpenAi, Scope::kMetrics, [&metrics](const ExchangePtr& exchange) {
    exchange->Respond({.body = metrics.Render(), .content_type = "text/plain; version=0.0.4; charset=utf-8"});
  });
}

}  // namespace weir::http
