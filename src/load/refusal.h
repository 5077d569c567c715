// What the answers of a server that refuses say.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace weir::load {

// The body of a refusal, read as the common shapes have it: {"error": {"code", "message", "limit", "retry_after_ms"}},
// {"error": "...", "limit", "retry_after_ms"}, {"detail": "..."}, or plain text. Value type.
struct Refusal {
  // What is counted: the bound that was reached ("limit", else "reason", else "code"), and the message with every
  // number as "#", so that the same refusal is the same text.
  std::string reason;
  std::optional<Duration> retry_after;  // "retry_after_ms"
};

Refusal ReadRefusal(std::string_view body);

}  // namespace weir::load
