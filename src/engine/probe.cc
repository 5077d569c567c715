#include "engine/probe.h"

#include <algorithm>
#include <utility>

namespace weir {
namespace {

constexpr char kAnsweredHelp[] = "Jobs answered, by outcome (ok or an error code).";

constexpr char kCached[] = "weir_cache_jobs_total";
constexpr char kCachedHelp[] =
    "Jobs by what the prediction cache did for them: hit, miss, or joined, which waits for a miss under way.";

constexpr char kRefused[] = "weir_requests_refused_total";
constexpr char kRefusedHelp[] = "Requests refused by admission, by the bound that was reached, else the error code.";

// One counter per code: built once, so that counting is an array look-up.
template <std::size_t... I>
std::array<Counter, sizeof...(I)> PerCode(Metrics& metrics, const std::string& name, const std::string& help,
                                          const std::string& model, const std::string& label,
                                          std::index_sequence<I...>) {
  return {metrics.GetCounter(name, help, {{"model", model}, {label, std::string(CodeName(static_cast<Code>(I)))}})...};
}

}  // namespace

ModelProbe::ModelProbe(Metrics& metrics, const std::string& model, RunTotals& totals, const Clock& clock)
    : totals_(totals), clock_(clock),
      queued_jobs_(metrics.GetCounter("weir_jobs_queued_total", "Jobs put into the queue; each is answered once.",
                                      {{"model", model}})),
      refused_(PerCode(metrics, kRefused, kRefusedHelp, model, "reason", std::make_index_sequence<kCodes>())),
      full_{metrics.GetCounter(kRefused, kRefusedHelp, {{"model", model}, {"reason", std::string(kLimits[0])}}),
            metrics.GetCounter(kRefused, kRefusedHelp, {{"model", model}, {"reason", std::string(kLimits[1])}}),
            metrics.GetCounter(kRefused, kRefusedHelp, {{"model", model}, {"reason", std::string(kLimits[2])}})},
      failed_(PerCode(metrics, "weir_jobs_answered_total", kAnsweredHelp, model, "outcome",
                      std::make_index_sequence<kCodes>())),
      succeeded_(metrics.GetCounter("weir_jobs_answered_total", kAnsweredHelp, {{"model", model}, {"outcome", "ok"}})),
      in_flight_(metrics.GetGauge("weir_jobs_in_flight", "Jobs queued and running.", {{"model", model}})),
      queued_(metrics.GetHistogram("weir_queue_seconds", "Time from queueing a job to the start of its run.",
                                   LatencyBuckets(), {{"model", model}})),
      run_(metrics.GetHistogram("weir_run_seconds", "Time of one run of the model (of a whole batch).",
                                LatencyBuckets(), {{"model", model}})),
      batch_(metrics.GetHistogram("weir_batch_jobs", "Jobs in one run of the model.", {1, 2, 4, 8, 16, 32, 64},
                                  {{"model", model}})),
      tokens_(metrics.GetCounter("weir_run_tokens_total", "Tokens run (1 for each job of a tensor model).",
                                 {{"model", model}})),
      padding_(metrics.GetCounter("weir_run_padding_tokens_total", "Tokens of padding run beside them.",
                                  {{"model", model}})),
      cost_error_(metrics.GetGauge("weir_cost_error_ratio",
                                   "Smoothed relative error of the cost model's predictions of a run's time.",
                                   {{"model", model}})),
      cached_{metrics.GetCounter(kCached, kCachedHelp, {{"model", model}, {"result", "hit"}}),
              metrics.GetCounter(kCached, kCachedHelp, {{"model", model}, {"result", "miss"}}),
              metrics.GetCounter(kCached, kCachedHelp, {{"model", model}, {"result", "joined"}})},
      cache_bytes_(metrics.GetGauge("weir_cache_bytes", "What the prediction cache holds.", {{"model", model}})) {}

void ModelProbe::Cached(CacheUse use, Duration time) {
  cached_[static_cast<std::size_t>(use)].Add();
  totals_.Cached(use == CacheUse::kHit, time);
}

void ModelProbe::Refused(const Error& error) {
  const auto limit = std::ranges::find(kLimits, error.limit);
  if (limit != kLimits.end()) return full_[static_cast<std::size_t>(limit - kLimits.begin())].Add();
  refused_[static_cast<std::size_t>(error.code)].Add();
}

void ModelProbe::Started(std::span<const TimePoint> queued, TimePoint start, TimePoint end, const GraphTime& graph) {
  for (const TimePoint since : queued) queued_.Observe(Seconds(start - since));
  totals_.Ran(queued, start, end, graph);
}

void ModelProbe::Answered(const Error* error, TimePoint queued) {
  totals_.Answered(error == nullptr, clock_.Now() - queued);
  (error == nullptr ? succeeded_ : failed_[static_cast<std::size_t>(error->code)]).Add();
}

void ModelProbe::Ran(std::size_t jobs, std::uint64_t work, std::uint32_t longest, Duration run, double cost_error) {
  run_.Observe(Seconds(run));
  batch_.Observe(static_cast<double>(jobs));
  tokens_.Add(static_cast<double>(work));
  const std::uint64_t padded = jobs * std::uint64_t{longest};
  if (padded > work) padding_.Add(static_cast<double>(padded - work));
  if (cost_error > 0) cost_error_.Set(cost_error);
}

void LoadProbe::Count(const std::string& model, const std::string& result) {
  metrics_
      .GetCounter("weir_model_loads_total",
                  "Loads of a model, by result; evicted: it has left to make room for another one.",
                  {{"model", model}, {"result", result}})
      .Add();
}

void LoadProbe::Loaded(const std::string& model, Duration time, bool replaced) {
  Count(model, replaced ? "replaced" : "ok");
  metrics_.GetGauge("weir_model_load_seconds", "Time that the last load took.", {{"model", model}}).Set(Seconds(time));
}

void LoadProbe::Ready(const std::string& model, bool ready) {
  metrics_.GetGauge("weir_model_ready", "1 while the model answers requests.", {{"model", model}}).Set(ready ? 1 : 0);
}

}  // namespace weir
