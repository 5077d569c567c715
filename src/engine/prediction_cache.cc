#include "engine/prediction_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir {
namespace {

// Of an entry, beside its key and its answer: the nodes of list and map, the tensors.
constexpr std::uint64_t kOverhead = 256;

void Append(std::string& key, std::uint64_t value) { key.append(reinterpret_cast<const char*>(&value), sizeof(value)); }

// Token ids and segments in half the room: numbers below 2^32.
bool AppendNarrow(std::string& key, std::span<const std::int64_t> values) {
  std::uint64_t high = 0;
  for (const std::int64_t value : values) high |= static_cast<std::uint64_t>(value);
  if (high >> 32 != 0) return false;
  const std::size_t begin = key.size();
  key.resize(begin + values.size() * sizeof(std::uint32_t));
  char* out = key.data() + begin;
  for (const std::int64_t value : values) {
    const auto narrow = static_cast<std::uint32_t>(value);
    std::memcpy(out, &narrow, sizeof(narrow));
    out += sizeof(narrow);
  }
  return true;
}

// Two jobs have the same key when they have the same method and inputs.
void WriteKey(const JobRequest& request, std::string& key) {
  key.clear();
  Append(key, request.method);
  for (const Tensor& input : request.inputs) {
    Append(key, static_cast<std::uint64_t>(input.type()));
    Append(key, input.shape().size());
    for (const std::int64_t size : input.shape()) Append(key, static_cast<std::uint64_t>(size));
    if (input.type() == DataType::kInt64) {
      key += 'n';
      if (AppendNarrow(key, input.As<std::int64_t>())) continue;
      key.back() = 'w';
    }
    if (input.type() != DataType::kBytes) {
      key.append(reinterpret_cast<const char*>(input.data()), input.bytes());
      continue;
    }
    for (const std::string& element : input.As<std::string>()) {
      Append(key, element.size());
      key += element;
    }
  }
}

// With memory of its own: what a run gives may be part of a whole batch's.
Tensor Copy(const Tensor& tensor) {
  Tensor copy = Tensor::Uninitialised(tensor.type(), tensor.shape());
  if (tensor.type() == DataType::kBytes) {
    std::ranges::copy(tensor.As<std::string>(), copy.Mutable<std::string>().begin());
  } else if (tensor.bytes() > 0) {
    std::memcpy(copy.Mutable<char>().data(), tensor.data(), tensor.bytes());
  }
  return copy;
}

}  // namespace

PredictionCache::Found PredictionCache::Find(PendingJob& job) {
  static thread_local std::string key;
  WriteKey(job.request, key);
  const std::size_t hash = std::hash<std::string_view>()(key);
  Shard& shard = ShardOf(hash);
  const MutexLock lock(shard.mu);
  if (const auto found = shard.by_key.find({key, hash}); found != shard.by_key.end()) {
    shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
    return {.answer = found->second->answer};
  }
  const auto [flight, is_first] = shard.flights.try_emplace(key);
  if (!is_first) {
    flight->second.push_back(std::move(job));
    return {};
  }
  Flight begun;
  begun.key_ = key;
  begun.hash_ = hash;
  return {.answer = std::nullopt, .flight = std::move(begun)};
}

std::vector<PendingJob> PredictionCache::Land(const Flight& flight, const std::vector<Tensor>* answer, bool next) {
  Shard& shard = ShardOf(flight.hash_);
  const MutexLock lock(shard.mu);
  const auto found = shard.flights.find(flight.key_);
  if (found == shard.flights.end()) return {};
  std::vector<PendingJob> waiting;
  if (next && !found->second.empty()) {
    waiting.push_back(std::move(found->second.front()));
    found->second.erase(found->second.begin());
    return waiting;
  }
  waiting = std::move(found->second);
  shard.flights.erase(found);
  if (answer != nullptr) Keep(shard, flight, *answer);
  return waiting;
}

void PredictionCache::Keep(Shard& shard, const Flight& flight, const std::vector<Tensor>& answer) {
  Entry entry{.key = flight.key_, .hash = flight.hash_, .answer = {}, .bytes = kOverhead + flight.key_.size()};
  for (const Tensor& tensor : answer) entry.bytes += tensor.bytes();
  if (entry.bytes > shard_bytes_ || shard.by_key.contains({flight.key_, flight.hash_})) return;
  for (const Tensor& tensor : answer) entry.answer.push_back(Copy(tensor));
  while (shard.bytes + entry.bytes > shard_bytes_) {
    shard.bytes -= shard.entries.back().bytes;
    shard.by_key.erase({shard.entries.back().key, shard.entries.back().hash});
    shard.entries.pop_back();
  }
  shard.bytes += entry.bytes;
  shard.entries.push_front(std::move(entry));
  shard.by_key.emplace(HashedKey{shard.entries.front().key, shard.entries.front().hash}, shard.entries.begin());
}

std::uint64_t PredictionCache::bytes() const {
  std::uint64_t bytes = 0;
  for (const Shard& shard : shards_) {
    const MutexLock lock(shard.mu);
    bytes += shard.bytes;
  }
  return bytes;
}

}  // namespace weir
