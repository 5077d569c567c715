#include "http/wait_metrics.h"

namespace weir::http {
namespace {

Counter WaitCounter(Metrics& metrics, const char* wait) {
  return metrics.GetCounter("weir_http_timeouts_total", "HTTP connections closed as their clients took too long.",
                            {{"wait", wait}});
}

}  // namespace

WaitMetrics::WaitMetrics(Metrics& metrics)
    : first_byte(WaitCounter(metrics, "first_byte")), header(WaitCounter(metrics, "header")),
      body(WaitCounter(metrics, "body")), idle(WaitCounter(metrics, "idle")), answer(WaitCounter(metrics, "answer")) {}

}  // namespace weir::http
