// Identifiers that people paste from a log line into a search box.
#pragma once

#include <string>

namespace weir {

// A random 128-bit id as 32 lower-case hex digits (the shape of a W3C trace id). Thread-safe, not
// cryptographic: it tells requests apart, it guards nothing.
std::string NewTraceId();

}  // namespace weir
