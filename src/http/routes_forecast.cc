#include <fmt/format.h>

#include <functional>
#include <memory>
#include <utility>

#include "base/mutex.h"
#include "codec/error.h"
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

// An answer in server-sent events: "candle" for each as soon as it is drawn, "done" with the whole answer, or "error".
// Until the first candle an error is a plain one. Shared by the jobs that draw; thread-safe, never blocks.
// Source: WHATWG HTML, "Server-sent events".
class CandleStream {
 public:
  CandleStream(ExchangePtr exchange, std::string model, std::vector<ForecastSeries> series)
      : model_(std::move(model)), series_(std::move(series)), exchange_(std::move(exchange)) {}

  void Show(std::size_t index, const forecast::CandlePlace& place, const forecast::Candle& candle) {
    std::string event = EventOf("candle", codec::WriteDrawnCandle(series_, index, place, candle));
    const MutexLock lock(mu_);
    if (!exchange_) return;
    Begin();
    exchange_->SendPiece(std::move(event));
  }

  void End(const Result<forecast::ForecastAnswer>& answer) {
    std::string event = answer ? EventOf("done", codec::WriteForecast(model_, series_, *answer))
                               : EventOf("error", codec::OpenAiError(answer.error()));
    const MutexLock lock(mu_);
    if (answer || has_begun_) {
      Begin();
      exchange_->SendPiece(std::move(event));
      exchange_->EndStream();
    } else {
      Refuse(exchange_, answer.error());
    }
    exchange_.reset();  // jobs that have yet to notice hold this object
  }

 private:
  // Data of one line: our JSON has no line feeds.
  static std::string EventOf(std::string_view name, std::string_view data) {
    return fmt::format("event: {}\ndata: {}\n\n", name, data);
  }

  void Begin() REQUIRES(mu_) {
    if (std::exchange(has_begun_, true)) return;
    exchange_->BeginStream(
        {.content_type = "text/event-stream", .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}}});
  }

  const std::string model_;
  const std::vector<ForecastSeries> series_;
  Mutex mu_;
  ExchangePtr exchange_ GUARDED_BY(mu_);  // null once it has ended
  bool has_begun_ GUARDED_BY(mu_) = false;
};

void HandleForecast(const ForecastRoutesContext& context, const ExchangePtr& exchange) {
  Result<codec::ForecastBody> body = codec::ParseForecast(exchange->body());
  if (!body) return Refuse(exchange, body.error());
  Result<std::string> model = ChooseModel(context.engine, body->model, context.default_model, "forecast");
  if (!model) return Refuse(exchange, model.error());
  forecast::ForecastQuestion question = QuestionOf(context, exchange, *model, body->series);
  if (body->streams) {
    const auto stream = std::make_shared<CandleStream>(exchange, std::move(*model), std::move(body->series));
    question.on_candle = std::bind_front(&CandleStream::Show, stream);
    return context.forecasts.Ask(std::move(question), std::bind_front(&CandleStream::End, stream));
  }
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
