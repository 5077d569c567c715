#include "engine/step_probe.h"

namespace weir {
namespace {

Gauge RowsIn(Metrics& metrics, const std::string& model, const std::string& state) {
  return metrics.GetGauge("weir_rows", "Rows of running sets: samples of forecasts.",
                          {{"model", model}, {"state", state}});
}

Gauge BytesIn(Metrics& metrics, const std::string& model, const std::string& state) {
  return metrics.GetGauge("weir_rows_bytes", "Room for what these keep from step to step.",
                          {{"model", model}, {"state", state}});
}

}  // namespace

StepProbe::StepProbe(Metrics& metrics, const std::string& model)
    : busy_(RowsIn(metrics, model, "busy")), free_(RowsIn(metrics, model, "free")),
      busy_bytes_(BytesIn(metrics, model, "busy")), free_bytes_(BytesIn(metrics, model, "free")),
      first_step_(metrics.GetHistogram("weir_first_step_seconds", "Time from queueing a job to its first step.",
                                       LatencyBuckets(), {{"model", model}})) {}

void StepProbe::Rows(std::size_t busy, std::size_t rows, std::size_t bytes) {
  const std::size_t free = rows > busy ? rows - busy : 0;
  busy_.Set(static_cast<double>(busy));
  free_.Set(static_cast<double>(free));
  busy_bytes_.Set(static_cast<double>(busy * bytes));
  free_bytes_.Set(static_cast<double>(free * bytes));
}

}  // namespace weir
