// How long a caller waits, known before the model is.
#pragma once

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "engine/registry.h"

namespace weir {

// What the door knows of a request's deadline. Value type.
struct Patience {
  TimePoint received{};   // when it had come
  Deadline deadline{};    // by the server's own limits and, perhaps, the client's wish
  bool is_named = false;  // the client has wished
};

// The deadline within what the model's own settings allow: the model's longest deadline, from the request's arrival, is
// that of requests that name none, and bounds the others. `named`: what the request's body names. Called before it
// waits for the model, so that one deadline bounds loading, queueing and running together.
inline Deadline DeadlineWithin(const Registry::Outlook& outlook, const Patience& patience,
                               std::optional<Duration> named = std::nullopt) {
  Deadline deadline = patience.deadline;
  if (named) deadline = Deadline(std::min(deadline.at(), patience.received + *named));
  if (outlook.max_deadline == Duration::zero()) return deadline;
  const TimePoint most = patience.received + outlook.max_deadline;
  const bool is_default = !patience.is_named && !named;
  return Deadline(is_default ? most : std::min(deadline.at(), most));
}

}  // namespace weir
