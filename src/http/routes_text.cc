#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "codec/rerank_json.h"
#include "codec/text_json.h"
#include "http/choose_model.h"
#include "http/routes.h"

namespace weir::http {
namespace {

using access::Scope;

using codec::ClassifyBody;
using codec::EmbeddingsBody;

void Refuse(const ExchangePtr& exchange, const Error& error) {
  exchange->Respond(ErrorResponse(error, Dialect::kOpenAi));
}

// The body's request, with what it does not say itself.
template <typename Body>
Result<TextRequest> Complete(const Engine& engine, const ExchangePtr& exchange, const std::string& model, Body& body) {
  TextRequest request = std::move(body.request);
  request.model = model;
  const Result<Priority> priority = PriorityOf(*exchange, request.priority);
  if (!priority) return std::unexpected(priority.error());
  request.priority = *priority;
  request.client = exchange->client;
  request.deadline = DeadlineWithin(engine.LookAhead(model), exchange->patience);
  request.stop = exchange->stop();
  return request;
}

void HandleEmbeddings(const TextRoutesContext& context, const ExchangePtr& exchange) {
  Result<EmbeddingsBody> body = codec::ParseEmbeddings(exchange->body());
  if (!body) return Refuse(exchange, body.error());
  Result<std::string> model = ChooseModel(context.engine, body->model, context.default_model, "embedding");
  if (!model) return Refuse(exchange, model.error());
  Result<TextRequest> request = Complete(context.engine, exchange, *model, *body);
  if (!request) return Refuse(exchange, request.error());
  context.texts.Embed(
      std::move(*request), [exchange, format = body->format, model = *model](Result<Embeddings> embeddings) {
        if (!embeddings) return Refuse(exchange, embeddings.error());
        exchange->Respond({.body = codec::WriteEmbeddings(*embeddings, format, model), .times = embeddings->times});
      });
}

void HandleClassify(const TextRoutesContext& context, const ExchangePtr& exchange) {
  Result<ClassifyBody> body = codec::ParseClassify(exchange->body());
  if (!body) return Refuse(exchange, body.error());
  Result<std::string> model = ChooseModel(context.engine, body->model, context.default_model, "classification");
  if (!model) return Refuse(exchange, model.error());
  Result<TextRequest> request = Complete(context.engine, exchange, *model, *body);
  if (!request) return Refuse(exchange, request.error());
  context.texts.Classify(std::move(*request), [exchange, model = *model](Result<Classifications> answer) {
    if (!answer) return Refuse(exchange, answer.error());
    exchange->Respond({.body = codec::WriteClassifications(*answer, model), .times = answer->times});
  });
}

void HandleRerank(const TextRoutesContext& context, const ExchangePtr& exchange) {
  Result<codec::RerankBody> body = codec::ParseRerank(exchange->body());
  if (!body) return Refuse(exchange, body.error());
  Result<std::string> model = ChooseModel(context.engine, body->model, context.default_model, "classification");
  if (!model) return Refuse(exchange, model.error());
  Result<TextRequest> request = Complete(context.engine, exchange, *model, *body);
  if (!request) return Refuse(exchange, request.error());
  context.texts.Classify(std::move(*request),
                         [exchange, body = std::move(*body), model = *model](Result<Classifications> answer) {
                           if (!answer) return Refuse(exchange, answer.error());
                           Result<std::string> text = codec::WriteRerank(body, *answer, model, exchange->request_id);
                           if (!text) return Refuse(exchange, text.error());
                           exchange->Respond({.body = std::move(*text), .times = answer->times});
                         });
}

void HandleModel(const TextRoutesContext& context, const ExchangePtr& exchange) {
  const std::string& wanted = exchange->parameters[0];
  for (const ModelStatus& model : context.engine.States()) {
    if (model.name != wanted) continue;
    return exchange->Respond({.body = codec::WriteModel(model, context.started_at)});
  }
  context.engine.WhenReady(wanted, exchange->patience.deadline, [exchange](Result<Registry::DeploymentPtr> missing) {
    Refuse(exchange, missing ? Error{Code::kUnavailable, "the model has just arrived; ask again"} : missing.error());
  });
}

}  // namespace

void AddTextRoutes(Router& router, const TextRoutesContext& context) {
  router.Add("GET", "/v1/models", Dialect::kOpenAi, Scope::kInfer, [context](const ExchangePtr& exchange) {
    exchange->Respond({.body = codec::WriteModels(context.engine.States(), context.started_at)});
  });
  router.Add("GET", "/v1/models/{model}", Dialect::kOpenAi, Scope::kInfer,
             [context](const ExchangePtr& exchange) { HandleModel(context, exchange); });
  router.Add("POST", "/v1/embeddings", Dialect::kOpenAi, Scope::kInfer,
             [context](const ExchangePtr& exchange) { HandleEmbeddings(context, exchange); });
  router.Add("POST", "/v1/classify", Dialect::kOpenAi, Scope::kInfer,
             [context](const ExchangePtr& exchange) { HandleClassify(context, exchange); });
  for (const std::string_view pattern : {"/rerank", "/v1/rerank"}) {
    router.Add("POST", pattern, Dialect::kOpenAi, Scope::kInfer,
               [context](const ExchangePtr& exchange) { HandleRerank(context, exchange); });
  }
}

}  // namespace weir::http
