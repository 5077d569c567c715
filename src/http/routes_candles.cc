#include <fmt/format.h>

#include <utility>

#include "codec/candles_json.h"
#include "http/choose_model.h"
#include "http/routes.h"

namespace weir::http {
namespace {

using access::Scope;
using codec::CandleItem;

void Refuse(const ExchangePtr& exchange, const Error& error) {
  exchange->Respond(ErrorResponse(error, Dialect::kCandles, exchange->request_id));
}

codec::CandlesState StateOf(const CandlesRoutesContext& context) {
  codec::CandlesState state{.device_warning = context.device_warning,
                            .uptime = context.engine.clock().Now() - context.started};
  const Result<std::string> name = ChooseModel(context.engine, std::nullopt, context.model, "forecast");
  const Result<ModelStatus> model = name ? context.engine.StateOf(*name) : std::unexpected(name.error());
  if (!model) {
    state.reason = model.error().message;
    return state;
  }
  state.model = *model;
  // One that comes with the first request for it can be asked.
  const bool can_be_asked = model->state == ModelState::kReady || (model->on_demand && !model->failure);
  if (!can_be_asked) state.reason = fmt::format("model '{}' is {}", model->name, ModelStateName(model->state));
  if (!can_be_asked && !model->reason.empty()) state.reason += ": " + model->reason;
  return state;
}

// `write` makes the body of what was forecast for the items.
void Forecast(const CandlesRoutesContext& context, const ExchangePtr& exchange, std::vector<CandleItem> items,
              std::string (*write)(const std::vector<CandleItem>&, const forecast::ForecastAnswer&)) {
  const codec::CandlesState state = StateOf(context);
  if (!state.reason.empty()) return Refuse(exchange, {Code::kUnavailable, state.reason});
  const std::string& model = state.model->name;
  const Deadline deadline =
      DeadlineWithin(context.engine.LookAhead(model), exchange->patience, context.inference_timeout);
  forecast::ForecastQuestion question{.model = model,
                                      .series = {},
                                      .priority = exchange->priority,
                                      .client = exchange->client,
                                      .deadline = deadline,
                                      .stop = exchange->stop()};
  for (CandleItem& item : items) {
    context.probe.Read(item.question.candles.size());
    question.series.push_back(std::move(item.question));
    item.question.seed = question.series.back().seed;  // which the answer tells
  }
  const Duration patience = deadline.at() - exchange->patience.received;
  context.forecasts.Ask(std::move(question), [&probe = context.probe, exchange, items = std::move(items), patience,
                                              write](Result<forecast::ForecastAnswer> answer) {
    if (!answer && answer.error().code == Code::kDeadlineExceeded) {
      answer.error().message = fmt::format("Prediction timeout after {:.6g} seconds", Seconds(patience));
    }
    if (!answer) return Refuse(exchange, answer.error());
    probe.Inferred(exchange->route, answer->times.ended - answer->times.started);
    exchange->Respond({.body = write(items, *answer), .times = answer->times});
  });
}

void HandleSingle(const CandlesRoutesContext& context, const ExchangePtr& exchange) {
  Result<CandleItem> item = codec::ParseCandleItem(exchange->body(), context.defaults);
  if (!item) return Refuse(exchange, item.error());
  std::vector<CandleItem> items;
  items.push_back(std::move(*item));
  Forecast(context, exchange, std::move(items), [](const auto& asked, const forecast::ForecastAnswer& answer) {
    return codec::WriteCandleForecast(asked[0], answer.series[0]);
  });
}

void HandleBatch(const CandlesRoutesContext& context, const ExchangePtr& exchange) {
  Result<std::vector<CandleItem>> items = codec::ParseCandleItems(exchange->body(), context.defaults);
  if (!items) return Refuse(exchange, items.error());
  Forecast(context, exchange, std::move(*items), [](const auto& asked, const forecast::ForecastAnswer& answer) {
    return codec::WriteCandleForecasts(asked, answer.series);
  });
}

void HandleReady(const CandlesRoutesContext& context, const ExchangePtr& exchange) {
  codec::CandlesState state = StateOf(context);
  if (const Status ready = context.ready(); state.reason.empty() && !ready) state.reason = ready.error().message;
  const bool says_503 = !state.reason.empty() && !context.strict_compat;
  exchange->Respond({.status = says_503 ? 503 : 200, .body = codec::WriteCandlesReady(state)});
}

}  // namespace

void AddCandlesRoutes(Router& router, const CandlesRoutesContext& context) {
  const auto add = [&](std::string_view method, std::string_view path, Scope scope,
                       void (*handle)(const CandlesRoutesContext&, const ExchangePtr&)) {
    router.Add(method, path, Dialect::kCandles, scope,
               [context, handle](const ExchangePtr& exchange) { handle(context, exchange); });
  };
  add("GET", "/", Scope::kInfer, [](const CandlesRoutesContext& service, const ExchangePtr& exchange) {
    exchange->Respond({.body = codec::WriteCandlesRoot(service.app_name)});
  });
  add("GET", "/v1/healthz", Scope::kOpen, [](const CandlesRoutesContext&, const ExchangePtr& exchange) {
    exchange->Respond({.body = R"({"status":"ok"})"});
  });
  add("GET", "/v1/healthz/detailed", Scope::kInfer,
      [](const CandlesRoutesContext& service, const ExchangePtr& exchange) {
        service.disk.Submit(
            [state = StateOf(service), exchange] { exchange->Respond({.body = codec::WriteCandlesHealth(state)}); });
      });
  add("GET", "/v1/readyz", Scope::kOpen, HandleReady);
  add("GET", "/v1/metrics", Scope::kOpen, [](const CandlesRoutesContext& service, const ExchangePtr& exchange) {
    if (!service.shows_metrics) return Refuse(exchange, {Code::kPermissionDenied, "Metrics are disabled"});
    exchange->Respond({.body = service.metrics.Render(), .content_type = "text/plain; version=0.0.4; charset=utf-8"});
  });
  // Forecasts as tasks, POST /v1/predict and GET /v1/predict/{task}, have their place here.
  add("POST", "/v1/predict/single", Scope::kInfer, HandleSingle);
  add("POST", "/v1/predict/batch", Scope::kInfer, HandleBatch);
}

}  // namespace weir::http
