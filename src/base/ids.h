// Identifiers that people paste from a log line into a search box.
#pragma once

#include <string>

namespace weir {

// A random 128-bit id as 32 lower-case hex digits (the shape of a W3C trace id). Thread-safe, not
// cryptographic: it tells requests apart, it guards nothing.
std::string NewTraceId();

// The same as a random UUID (RFC 9562, version 4): "0b8f…-…-4…-8…-…".
std::string NewUuid();

// "2026-01-31T12:00:00.123Z"
std::string UtcNow();

}  // namespace weir
