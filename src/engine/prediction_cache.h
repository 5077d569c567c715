// Answers that a model has given before, so that it does not compute them again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "engine/job.h"

namespace weir {

// A job that is not a Job yet.
struct PendingJob {
  JobRequest request;
  Permit permit;
  Reply::Callback callback;
  TimePoint since{};
};

// By a job's method and inputs (of texts: the token ids; what is made of the answer afterwards is no part of it). Equal
// jobs that come while one of them runs wait for that one. Least recently used answers leave when there are more than
// `most_bytes`. Owned by a Deployment, so a new version begins with none. Thread-safe; a hit costs a microsecond for
// 128 tokens.
class PredictionCache {
 public:
  explicit PredictionCache(std::uint64_t most_bytes) : shard_bytes_(most_bytes / kShards) {}

  // The right, and the duty, to find the answer for all who wait for it.
  class Flight {
   public:
    Flight() = default;

   private:
    friend class PredictionCache;
    std::string key_;
    std::size_t hash_ = 0;
  };

  // What has become of a job.
  struct Found {
    std::optional<std::vector<Tensor>> answer;  // a hit: `job` is the caller's to answer
    std::optional<Flight> flight;               // nobody has asked before: `job` is the caller's to run
  };  // neither: `job` was taken, and waits for another one's answer
  Found Find(PendingJob& job);

  // The flight has ended, with an answer to keep or without. Returns who waits for it. When `next` is asked for, the
  // first of them goes on with the flight, which then has not ended: it is the only one returned, and is to be run.
  std::vector<PendingJob> Land(const Flight& flight, const std::vector<Tensor>* answer, bool next);

  std::uint64_t bytes() const;

 private:
  static constexpr std::size_t kShards = 16;

  // A key with its hash, which is computed once.
  struct HashedKey {
    std::string_view text;
    std::size_t hash = 0;
    bool operator==(const HashedKey& other) const { return text == other.text; }
  };
  struct TakeHash {
    std::size_t operator()(const HashedKey& key) const { return key.hash; }
  };

  struct Entry {
    std::string key;
    std::size_t hash = 0;
    std::vector<Tensor> answer;
    std::uint64_t bytes = 0;
  };
  using Entries = std::list<Entry>;
  struct Shard {
    mutable Mutex mu;
    Entries entries GUARDED_BY(mu);                                                    // the last used one first
    std::unordered_map<HashedKey, Entries::iterator, TakeHash> by_key GUARDED_BY(mu);  // views of the entries' keys
    std::unordered_map<std::string, std::vector<PendingJob>> flights GUARDED_BY(mu);
    std::uint64_t bytes GUARDED_BY(mu) = 0;
  };
  Shard& ShardOf(std::size_t hash) { return shards_[hash % kShards]; }
  void Keep(Shard& shard, const Flight& flight, const std::vector<Tensor>& answer) REQUIRES(shard.mu);

  const std::uint64_t shard_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace weir
