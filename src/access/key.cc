#include "access/key.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <charconv>

namespace weir::access {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"infer", "admin", "metrics", "open"};
constexpr std::size_t kOfKeys = 3;  // the first ones; "open" is none that a key could have

std::string Hex(std::span<const unsigned char> bytes) { return fmt::format("{:02x}", fmt::join(bytes, "")); }

}  // namespace

std::string_view ScopeName(Scope scope) { return kNames[static_cast<std::size_t>(scope)]; }

Result<Scope> ParseScope(std::string_view name) {
  const auto known = std::span(kNames).first(kOfKeys);
  const auto found = std::ranges::find(known, name);
  if (found != known.end()) return static_cast<Scope>(found - known.begin());
  return InvalidArgument(fmt::format("a scope is {}, not '{}'", fmt::join(known, ", "), name));
}

KeyHash HashOfKey(std::string_view key) {
  KeyHash hash{};
  EVP_Digest(key.data(), key.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  return hash;
}

std::string HexOf(const KeyHash& hash) { return Hex(hash); }

std::optional<KeyHash> HashFromHex(std::string_view hex) {
  KeyHash hash{};
  if (hex.size() != 2 * hash.size()) return std::nullopt;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const std::string_view digits = hex.substr(2 * i, 2);
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), hash[i], 16);
    if (error != std::errc() || end != digits.end()) return std::nullopt;
  }
  return hash;
}

std::string NewKey() {
  std::array<unsigned char, 32> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) return {};
  return fmt::format("weir_{}", Hex(random));
}

bool Key::Has(Scope scope) const { return scope == Scope::kOpen || std::ranges::find(scopes, scope) != scopes.end(); }

}  // namespace weir::access
