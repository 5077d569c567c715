// What a model's own settings make of a request's deadline.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "engine/engine.h"
#include "http/exchange.h"

namespace weir::http {

// The model's longest deadline, from the request's arrival, is that of requests that name none, and bounds the others.
// `named`: what a request names besides the header. Called before it waits for the model, so that one deadline bounds
// loading, queueing and running together.
inline void ApplyDeadline(const Registry::Outlook& outlook, std::optional<Duration> named, Exchange& exchange) {
  if (named) exchange.deadline = Deadline(std::min(exchange.deadline.at(), exchange.received + *named));
  if (outlook.max_deadline == Duration::zero()) return;
  const TimePoint most = exchange.received + outlook.max_deadline;
  const bool is_default = !exchange.names_deadline && !named;
  exchange.deadline = Deadline(is_default ? most : std::min(exchange.deadline.at(), most));
}

}  // namespace weir::http
