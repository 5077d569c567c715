#include "access/key_ring.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace weir::access {
namespace {

// When one of a key's requests will end is not known.
constexpr std::chrono::milliseconds kRetryConcurrent{100};

}  // namespace

// A second's worth, but one request must be possible however few they are.
double KeyUse::burst() const { return std::max(1.0, std::ceil(key_.requests_per_second)); }

double KeyUse::TokensAt(TimePoint now) const {
  const Duration since = std::max(now - spent_->filled, Duration::zero());
  return std::min(burst(), spent_->tokens + Seconds(since) * key_.requests_per_second);
}

Result<KeyUse::Lease> KeyUse::Begin(TimePoint now) const {
  const MutexLock lock(spent_->mu);
  if (key_.concurrent > 0 && spent_->under_way >= key_.concurrent) {
    return std::unexpected(Error{
        .code = Code::kResourceExhausted,
        .message = fmt::format("requests of key '{}' under way: {}, which is its limit", key_.name, spent_->under_way),
        .retry_after = kRetryConcurrent,
        .limit = "concurrent"});
  }
  if (key_.requests_per_second > 0) {
    const double tokens = TokensAt(now);
    if (tokens < 1) {
      const auto wait = std::chrono::duration<double>((1 - tokens) / key_.requests_per_second);
      return std::unexpected(
          Error{.code = Code::kResourceExhausted,
                .message = fmt::format("key '{}' may send {:g} requests a second", key_.name, key_.requests_per_second),
                .retry_after = std::chrono::ceil<std::chrono::milliseconds>(wait),
                .limit = "requests_per_second"});
    }
    spent_->tokens = tokens - 1;
    spent_->filled = now;
  }
  ++spent_->under_way;
  return Lease(spent_.get(), [spent = spent_](const void*) {
    const MutexLock ended(spent->mu);
    --spent->under_way;
  });
}

Quota KeyUse::quota(TimePoint now) const {
  if (key_.requests_per_second <= 0) return {};
  const MutexLock lock(spent_->mu);
  const double tokens = TokensAt(now);
  const double seconds = std::ceil((burst() - tokens) / key_.requests_per_second);
  return {.limit = static_cast<std::size_t>(burst()),
          .remaining = static_cast<std::size_t>(tokens),
          .reset = std::chrono::seconds(static_cast<std::int64_t>(seconds))};
}

void KeyRing::Replace(std::vector<Key> keys) {
  const MutexLock lock(mu_);
  auto renewed = std::make_shared<std::vector<std::shared_ptr<const KeyUse>>>();
  for (Key& key : keys) {
    const auto before = std::ranges::find(*keys_, key.hash, [](const auto& known) { return known->key().hash; });
    renewed->push_back(before == keys_->end() ? std::make_shared<KeyUse>(std::move(key))
                                              : std::make_shared<KeyUse>(std::move(key), **before));
  }
  keys_ = std::move(renewed);
}

std::shared_ptr<const KeyUse> KeyRing::Find(std::string_view presented) const {
  const KeyHash hash = HashOfKey(presented);
  const auto keys = [this] {
    const MutexLock lock(mu_);
    return keys_;
  }();
  std::shared_ptr<const KeyUse> found;
  for (const std::shared_ptr<const KeyUse>& known : *keys) {
    if (CRYPTO_memcmp(known->key().hash.data(), hash.data(), hash.size()) == 0) found = known;
  }
  return found;
}

}  // namespace weir::access
