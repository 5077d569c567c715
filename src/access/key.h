// Keys: who may ask for what, and how much of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/priority.h"

namespace weir::access {

// What a route needs of the key that asks for it.
enum class Scope : std::uint8_t {
  kInfer,    // models: their answers, what there is to know about them
  kAdmin,    // models come, go and change
  kMetrics,  // /metrics
  kOpen,     // no key: whether the server is alive
};

std::string_view ScopeName(Scope scope);  // "infer"
// The error lists the scopes that a key can have.
Result<Scope> ParseScope(std::string_view name);

// SHA-256. Keys that Weir makes have 256 random bits, so that a fast hash without salt hides them; others must be as
// hard to guess.
using KeyHash = std::array<unsigned char, 32>;
KeyHash HashOfKey(std::string_view key);
std::string HexOf(const KeyHash& hash);
std::optional<KeyHash> HashFromHex(std::string_view hex);  // 64 digits, in either case
// 256 bits from the system's generator, as "weir_" and 64 hex digits; empty when it gives none.
std::string NewKey();

// A key as it is configured; the key itself is not kept. Value type.
struct Key {
  std::string name;  // for logs and errors
  KeyHash hash{};
  std::vector<Scope> scopes;
  // The class of its requests that name none, and the highest that they may name. Without: normal, and any.
  std::optional<Priority> priority = {};
  double requests_per_second = 0;  // 0: any number
  std::size_t concurrent = 0;      // requests under way; 0: any number

  bool Has(Scope scope) const;
};

}  // namespace weir::access
