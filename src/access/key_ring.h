// The keys that a server knows, and what each has used of its limits.
#pragma once

#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "access/key.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"

namespace weir::access {

// What is left of a key's requests per second, as the RateLimit fields of an answer say it.
struct Quota {
  std::size_t limit = 0;  // requests at once after a rest; 0: the key has no such limit
  std::size_t remaining = 0;
  std::chrono::seconds reset{0};  // until `limit` is left again, rounded up
};

// One key and its use. Shared by the ring and the requests under way, also when the ring has changed meanwhile.
// Thread-safe, never blocks.
class KeyUse {
 public:
  explicit KeyUse(Key key) : key_(std::move(key)), spent_(std::make_shared<Spent>()) {}
  // The same key with other settings: goes on from what has been used of it.
  KeyUse(Key key, const KeyUse& before) : key_(std::move(key)), spent_(before.spent_) {}

  const Key& key() const { return key_; }
  // Held while a request is under way; counts for `concurrent`.
  using Lease = std::shared_ptr<const void>;
  // kResourceExhausted when the key has no more of what it may have: the error's limit is "requests_per_second" or
  // "concurrent", and it says when to try again.
  Result<Lease> Begin(TimePoint now) const;
  Quota quota(TimePoint now) const;

 private:
  struct Spent {
    Mutex mu;
    // A bucket that fills at requests_per_second up to a second's worth, and from which each request takes one.
    double tokens GUARDED_BY(mu) = std::numeric_limits<double>::infinity();
    TimePoint filled GUARDED_BY(mu);
    std::size_t under_way GUARDED_BY(mu) = 0;
  };
  double burst() const;
  double TokensAt(TimePoint now) const REQUIRES(spent_->mu);

  const Key key_;
  const std::shared_ptr<Spent> spent_;
};

// Thread-safe; looked at by every request, replaced when the configuration changes.
class KeyRing {
 public:
  // Without keys everybody may do everything. A ring that `is_required` lets in nobody until it has keys.
  explicit KeyRing(bool is_required) : required_(is_required) {}

  bool required() const { return required_; }
  // A key that was there before, by its hash, keeps what it has used.
  void Replace(std::vector<Key> keys);
  // nullptr when there is no such key. Takes the same time whichever key it is, and for none.
  std::shared_ptr<const KeyUse> Find(std::string_view presented) const;

 private:
  const bool required_;
  mutable Mutex mu_;
  // Guarded by mu_; never null.
  std::shared_ptr<const std::vector<std::shared_ptr<const KeyUse>>> keys_ GUARDED_BY(mu_) =
      std::make_shared<std::vector<std::shared_ptr<const KeyUse>>>();
};

}  // namespace weir::access
