#include "http/exchange.h"

#include <fmt/format.h>

namespace weir::http {

Result<Priority> PriorityOf(const Exchange& exchange, std::optional<Priority> named) {
  if (!named) return exchange.priority;
  const access::Key* key = exchange.key ? &exchange.key->key() : nullptr;
  if (key != nullptr && key->priority && Index(*named) < Index(*key->priority)) {
    return Fail(Code::kPermissionDenied,
                fmt::format("requests with key '{}' are {} at most, not {}", key->name, PriorityName(*key->priority),
                            PriorityName(*named)),
                "priority");
  }
  return *named;
}

}  // namespace weir::http
