#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "codec/model_json.h"
#include "http/routes.h"

namespace weir::http {
namespace {

using access::Scope;

void Refuse(const ExchangePtr& exchange, const Error& error, Dialect dialect) {
  exchange->Respond(ErrorResponse(error, dialect));
}

// Weir's own calls take no body; the protocol's may have one that changes nothing.
bool IsPlainCall(const ExchangePtr& exchange, Dialect dialect) {
  const Status plain = dialect == Dialect::kOip ? codec::CheckRepositoryCall(exchange->body()) : Status();
  if (!plain) Refuse(exchange, plain.error(), dialect);
  return plain.has_value();
}

// What Weir's own routes answer when a call has ended: how the model is now.
void RespondStatus(Engine& engine, const ExchangePtr& exchange) {
  Result<ModelStatus> status = engine.StateOf(exchange->parameters[0]);
  if (!status) return Refuse(exchange, status.error(), Dialect::kOpenAi);
  exchange->Respond({.body = codec::WriteModelStatus(*status)});
}

void AnswerWhenDone(Engine& engine, const ExchangePtr& exchange, Dialect dialect, const Status& done) {
  if (!done) return Refuse(exchange, done.error(), dialect);
  if (dialect == Dialect::kOip) return exchange->Respond({.body = ""});
  RespondStatus(engine, exchange);
}

// A load, reload or unload of the path's model.
void HandleCall(const Repository& repository, const ExchangePtr& exchange, Dialect dialect,
                void (Repository::*call)(const std::string&, Deadline, Registry::Done) const) {
  if (!IsPlainCall(exchange, dialect)) return;
  (repository.*call)(exchange->parameters[0], exchange->patience.deadline,
                     [&engine = repository.engine(), exchange, dialect](const Status& done) {
                       AnswerWhenDone(engine, exchange, dialect, done);
                     });
}

void HandleCancel(Engine& engine, const ExchangePtr& exchange) {
  const Result<bool> cancelled = engine.Cancel(exchange->parameters[0]);
  if (!cancelled) return Refuse(exchange, cancelled.error(), Dialect::kOpenAi);
  exchange->Respond({.body = codec::WriteCancelled(exchange->parameters[0], *cancelled)});
}

void HandleSettings(const ModelRoutesContext& context, const ExchangePtr& exchange) {
  Engine& engine = context.repository.engine();
  const Result<ModelChanges> changes = codec::ParseModelSettings(exchange->body(), context.longest_deadline);
  if (!changes) return Refuse(exchange, changes.error(), Dialect::kOpenAi);
  const Status changed = engine.Change(exchange->parameters[0], *changes);
  if (!changed) return Refuse(exchange, changed.error(), Dialect::kOpenAi);
  RespondStatus(engine, exchange);
}

void HandleIndex(Engine& engine, const ExchangePtr& exchange) {
  const Result<bool> ready = codec::ParseRepositoryIndex(exchange->body());
  if (!ready) return Refuse(exchange, ready.error(), Dialect::kOip);
  exchange->Respond({.body = codec::WriteRepositoryIndex(engine.States(), *ready)});
}

// The model that the load-once service would have: the default one, or the only one.
std::optional<ModelStatus> OnlyModel(const Engine& engine, const std::string& preferred) {
  const std::vector<ModelStatus> models = engine.States();
  const auto found = std::ranges::find(models, preferred, &ModelStatus::name);
  if (found != models.end()) return *found;
  return models.size() == 1 ? std::optional(models[0]) : std::nullopt;
}

constexpr char kNoDefault[] = "no model is the default: set default_model";

void HandleLegacyStatus(const ModelRoutesContext& context, const ExchangePtr& exchange) {
  const std::optional<ModelStatus> model = OnlyModel(context.repository.engine(), context.default_model);
  exchange->Respond({.body = codec::WriteLegacyStatus(model ? &*model : nullptr)});
}

void HandleLegacyReload(const ModelRoutesContext& context, const ExchangePtr& exchange) {
  const std::optional<ModelStatus> model = OnlyModel(context.repository.engine(), context.default_model);
  if (!model) return exchange->Respond({.status = 500, .body = codec::WriteLegacyReloadError(kNoDefault)});
  const Repository& repository = context.repository;
  repository.Reload(
      model->name, exchange->patience.deadline,
      [&engine = repository.engine(), exchange, name = model->name](const Status& done) {
        if (!done) {
          return exchange->Respond({.status = 500, .body = codec::WriteLegacyReloadError(done.error().message)});
        }
        const Result<ModelStatus> now = engine.StateOf(name);
        exchange->Respond({.body = now ? codec::WriteLegacyReload(*now) : codec::WriteLegacyReloadError(kNoDefault)});
      });
}

}  // namespace

void AddModelRoutes(Router& router, const ModelRoutesContext& context) {
  const Repository& repository = context.repository;
  Engine& engine = repository.engine();
  // A load, reload or unload.
  const auto add = [&](std::string_view pattern, Dialect dialect, auto call) {
    router.Add("POST", pattern, dialect, Scope::kAdmin, [&repository, dialect, call](const ExchangePtr& exchange) {
      HandleCall(repository, exchange, dialect, call);
    });
  };
  router.Add("GET", "/v1/models/{model}/status", Dialect::kOpenAi, Scope::kInfer,
             [&engine](const ExchangePtr& exchange) { RespondStatus(engine, exchange); });
  add("/v1/models/{model}/load", Dialect::kOpenAi, &Repository::Load);
  add("/v1/models/{model}/unload", Dialect::kOpenAi, &Repository::Unload);
  add("/v1/models/{model}/reload", Dialect::kOpenAi, &Repository::Reload);
  router.Add("POST", "/v1/models/{model}/cancel", Dialect::kOpenAi, Scope::kAdmin,
             [&engine](const ExchangePtr& exchange) { HandleCancel(engine, exchange); });
  router.Add("PATCH", "/v1/models/{model}/settings", Dialect::kOpenAi, Scope::kAdmin,
             [context](const ExchangePtr& exchange) { HandleSettings(context, exchange); });
  router.Add("POST", "/v2/repository/index", Dialect::kOip, Scope::kInfer,
             [&engine](const ExchangePtr& exchange) { HandleIndex(engine, exchange); });
  add("/v2/repository/models/{model}/load", Dialect::kOip, &Repository::Load);
  add("/v2/repository/models/{model}/unload", Dialect::kOip, &Repository::Unload);
  router.Add("GET", "/model/status", Dialect::kOpenAi, Scope::kInfer,
             [context](const ExchangePtr& exchange) { HandleLegacyStatus(context, exchange); });
  router.Add("POST", "/model/reload", Dialect::kOpenAi, Scope::kAdmin,
             [context](const ExchangePtr& exchange) { HandleLegacyReload(context, exchange); });
}

}  // namespace weir::http
