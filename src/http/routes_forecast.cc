#include <memory>
#include <utility>

#include "codec/forecast_json.h"
#include "http/choose_model.h"
#include "http/routes.h"

namespace weir::http {
namespace {

using access::Scope;
using codec::ForecastSeries;

void Refuse(const ExchangePtr& exchange, const Error& error) {
  exchange->Respond(ErrorResponse(error, Dialect::kOpenAi));
}

forecast::ForecastQuestion QuestionOf(const ForecastRoutesContext& context, const ExchangePtr& exchange,
                                      const std::string& model, const std::vector<ForecastSeries>& series) {
  forecast::ForecastQuestion question{.model = model,
                                      .series = {},
                                      .priority = exchange->priority,
                                      .client = exchange->client,
                                      .deadline = DeadlineWithin(context.engine.LookAhead(model), exchange->patience),
                                      .stop = exchange->stop()};
  for (const ForecastSeries& one : series) question.series.push_back(one.question);
  return question;
}

void HandleForecast(const ForecastRoutesContext& context, const ExchangePtr& exchange) {
  Result<codec::ForecastBody> body = codec::ParseForecast(exchange->body());
  if (!body) return Refuse(exchange, body.error());
  Result<std::string> model = ChooseModel(context.engine, body->model, context.default_model, "forecast");
  if (!model) return Refuse(exchange, model.error());
  forecast::ForecastQuestion question = QuestionOf(context, exchange, *model, body->series);
  context.forecasts.Ask(std::move(question), [exchange, model = *model, series = std::move(body->series)](
                                                 const Result<forecast::ForecastAnswer>& answer) {
    if (!answer) return Refuse(exchange, answer.error());
    exchange->Respond({.body = codec::WriteForecast(model, series, *answer), .times = answer->times});
  });
}

void HandleTimeSeries(const ForecastRoutesContext& context, const ExchangePtr& exchange) {
  Result<codec::TimeSeriesBody> body = codec::ParseTimeSeries(exchange->body());
  if (!body) return Refuse(exchange, body.error());
  forecast::ForecastQuestion question = QuestionOf(context, exchange, body->model, body->series);
  context.forecasts.Ask(std::move(question),
                        [exchange, body = std::move(*body)](const Result<forecast::ForecastAnswer>& answer) {
                          if (!answer) return Refuse(exchange, answer.error());
                          exchange->Respond({.body = codec::WriteTimeSeries(body, *answer), .times = answer->times});
                        });
}

}  // namespace

void AddForecastRoutes(Router& router, const ForecastRoutesContext& context) {
  router.Add("POST", "/v1/forecast", Dialect::kOpenAi, Scope::kInfer,
             [context](const ExchangePtr& exchange) { HandleForecast(context, exchange); });
  router.Add("POST", "/v1/timeseries/forecast", Dialect::kOpenAi, Scope::kInfer,
             [context](const ExchangePtr& exchange) { HandleTimeSeries(context, exchange); });
  router.Add("GET", "/v1/timeseries/models", Dialect::kOpenAi, Scope::kInfer, [context](const ExchangePtr& exchange) {
    std::vector<std::string> names;
    for (const ModelStatus& model : context.engine.States()) {
      if (model.task == "forecast") names.push_back(model.name);
    }
    exchange->Respond({.body = codec::WriteTimeSeriesModels(names)});
  });
}

}  // namespace weir::http
