// How often clients made the server wait too long.
#pragma once

#include "metrics/metrics.h"

namespace weir::http {

// Connections that were closed because a client took too long.
struct WaitMetrics {
  explicit WaitMetrics(Metrics& metrics);
  Counter first_byte;  // of a new connection
  Counter header;
  Counter body;
  Counter idle;    // between requests
  Counter answer;  // taken too slowly
};

}  // namespace weir::http
