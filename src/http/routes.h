// The doors: which path does what. Each function adds one family of routes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "codec/candle_json.h"
#include "engine/engine.h"
#include "executor/thread_pool.h"
#include "forecast/forecast_service.h"
#include "forecast/service_probe.h"
#include "http/router.h"
#include "infer/infer_service.h"
#include "infer/repository.h"
#include "metrics/metrics.h"
#include "openapi/document.h"
#include "sentiment/feedback.h"
#include "sentiment/probe.h"
#include "sentiment/service.h"
#include "text/text_service.h"

namespace weir::http {

// GET /, /livez, /readyz, /metrics. `ready` tells whether requests can be answered; an error says why not.
struct HealthRoutesContext {
  Engine& engine;
  Metrics& metrics;
  std::function<Status()> ready;
};
void AddHealthRoutes(Router& router, const HealthRoutesContext& context);

// GET /openapi.json, the description of all routes that the router has when it is first asked for, and the page that
// shows it: GET /docs, /redoc, /docs/{file}.
void AddDocsRoutes(Router& router, const openapi::Facts& facts);

// GET /v1/models[/{model}], POST /v1/embeddings, POST /v1/classify.
struct TextRoutesContext {
  Engine& engine;
  TextService& texts;
  std::string default_model;    // taken when a request names none; may be empty
  std::int64_t started_at = 0;  // seconds since 1970
};
void AddTextRoutes(Router& router, const TextRoutesContext& context);

// The Open Inference Protocol under /v2.
struct OipRoutesContext {
  InferService& infer;
  std::function<Status()> ready;
};
void AddOipRoutes(Router& router, const OipRoutesContext& context);

// The life of models: GET /v1/models/{model}/status, POST /v1/models/{model}/load|unload|reload|cancel, PATCH
// …/settings; the Open Inference Protocol's /v2/repository; /model/status and /model/reload as the load-once service
// has them.
struct ModelRoutesContext {
  const Repository& repository;
  std::string default_model;  // may be empty
  Duration longest_deadline;  // that a model may be given
};
void AddModelRoutes(Router& router, const ModelRoutesContext& context);

// Forecasts of candles: POST /v1/forecast, and KServe's POST /v1/timeseries/forecast and GET /v1/timeseries/models.
struct ForecastRoutesContext {
  Engine& engine;
  forecast::ForecastService& forecasts;
  std::string default_model;  // taken when a request names none; may be empty
};
void AddForecastRoutes(Router& router, const ForecastRoutesContext& context);

// The sentiment service, with its prefix /api/v1 and without. Where it has routes of Weir's, they are to be added
// first.
struct SentimentRoutesContext {
  Engine& engine;
  const sentiment::Service& service;
  sentiment::Probe& probe;
  Metrics& metrics;
  sentiment::FeedbackStore* feedback;  // null: there is none
  ThreadPool& disk;                    // for what blocks on it
  std::string model;                   // that it asks; empty: the default, or the only one
  std::string prefix;                  // that it tells: "/api/v1" or ""
  std::uint64_t cache_bytes = 0;
  bool shows_metrics = true;
  std::function<Status()> ready;
};
void AddSentimentRoutes(Router& router, const SentimentRoutesContext& context);

// The candle forecasting service, with its prefix /v1. Where it has routes of Weir's, they are to be added first.
struct CandlesRoutesContext {
  Engine& engine;
  forecast::ForecastService& forecasts;
  forecast::ServiceProbe& probe;
  Metrics& metrics;
  ThreadPool& disk;            // for what blocks on it
  std::string model;           // that it asks; empty: the default, or the only one of candles
  std::string app_name;        // that GET / tells
  std::string device_warning;  // empty: none
  codec::ForecastDefaults defaults;
  Duration inference_timeout;
  bool strict_compat = false;  // readiness is 200 while the model loads
  bool shows_metrics = true;
  TimePoint started;
  std::function<Status()> ready;
};
void AddCandlesRoutes(Router& router, const CandlesRoutesContext& context);

}  // namespace weir::http
