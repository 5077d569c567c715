#include "dataset/checkpoint.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "codec/json_reader.h"
#include "codec/json_writer.h"

namespace weir::dataset {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kVersion = 1;
// Between processors the last digits of an answer differ; between models the first.
constexpr float kSameAnswer = 1e-3F;

Result<Checkpoint> Parse(const std::string& text) {
  Result<codec::JsonElement> root = codec::ParseJson(text);
  if (!root) return Forward(root);
  Result<codec::JsonObject> object = codec::JsonObject::From(*root);
  if (!object) return Forward(object);
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::array<std::int64_t, 5> numbers{};
  std::size_t at = 0;
  for (const char* key : {"version", "records", "failed", "input_crc", "bytes"}) {
    auto number = object->FindInt(key, 0, kMost);
    if (!number) return Forward(number);
    if (!*number) return InvalidArgument(fmt::format("'{}' is missing", key));
    numbers[at++] = **number;
  }
  if (numbers[0] != kVersion) return InvalidArgument(fmt::format("it has version {}", numbers[0]));
  Checkpoint checkpoint{.identity = {},
                        .progress = {.records = static_cast<std::uint64_t>(numbers[1]),
                                     .failed = static_cast<std::uint64_t>(numbers[2]),
                                     .input_crc = static_cast<std::uint32_t>(numbers[3])},
                        .bytes = static_cast<std::uint64_t>(numbers[4])};
  auto facts = object->RequireArray("facts");
  if (!facts) return Forward(facts);
  for (const codec::JsonElement fact : *facts) {
    Result<codec::JsonObject> pair = codec::JsonObject::From(fact, "facts[]");
    if (!pair) return Forward(pair);
    auto name = pair->RequireString("name");
    auto value = pair->RequireString("value");
    if (!name) return Forward(name);
    if (!value) return Forward(value);
    checkpoint.identity.facts.emplace_back(std::move(*name), std::move(*value));
  }
  auto sample = object->RequireArray("sample");
  if (!sample) return Forward(sample);
  for (const codec::JsonElement item : *sample) {
    double value = 0;
    if (item.get(value)) return InvalidArgument("'sample' holds something else than numbers");
    checkpoint.identity.sample.push_back(static_cast<float>(value));
  }
  return checkpoint;
}

}  // namespace

Status WriteCheckpoint(const fs::path& file, const Checkpoint& checkpoint) {
  codec::JsonWriter json;
  json.BeginObject().Key("version").Int(kVersion);
  json.Key("records").Int(static_cast<std::int64_t>(checkpoint.progress.records));
  json.Key("failed").Int(static_cast<std::int64_t>(checkpoint.progress.failed));
  json.Key("input_crc").Int(checkpoint.progress.input_crc);
  json.Key("bytes").Int(static_cast<std::int64_t>(checkpoint.bytes));
  json.Key("facts").BeginArray();
  for (const auto& [name, value] : checkpoint.identity.facts) {
    json.BeginObject().Key("name").String(name).Key("value").String(value).EndObject();
  }
  json.EndArray().Key("sample").BeginArray();
  for (const float value : checkpoint.identity.sample) json.Float(value);
  json.EndArray().EndObject();

  const fs::path fresh = file.string() + ".new";
  std::ofstream out(fresh, std::ios::binary);
  out << json.Take() << '\n' << std::flush;
  std::error_code error;
  if (out) fs::rename(fresh, file, error);
  if (!out || error) {
    return Fail(Code::kUnavailable, fmt::format("{} cannot be written: {}", file.string(),
                                                error ? error.message() : std::string("is the disk full?")));
  }
  return {};
}

Result<Checkpoint> ReadCheckpoint(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return Fail(Code::kNotFound, fmt::format("{} cannot be read", file.string()));
  std::ostringstream text;
  text << in.rdbuf();
  Result<Checkpoint> checkpoint = Parse(text.str());
  if (checkpoint) return checkpoint;
  return Fail(Code::kConflict, fmt::format("{} is no checkpoint: {}", file.string(), checkpoint.error().message));
}

Status SameRun(const RunIdentity& before, const RunIdentity& now) {
  for (std::size_t i = 0; i < std::max(before.facts.size(), now.facts.size()); ++i) {
    if (i >= before.facts.size() || i >= now.facts.size() || before.facts[i].first != now.facts[i].first) {
      return Fail(Code::kConflict, "it was begun by another version of this program");
    }
    const auto& [name, value] = now.facts[i];
    if (before.facts[i].second == value) continue;
    return Fail(Code::kConflict, fmt::format("{} was '{}' and is '{}' now", name, before.facts[i].second, value));
  }
  bool same = before.sample.size() == now.sample.size();
  for (std::size_t i = 0; same && i < now.sample.size(); ++i) {
    same = std::abs(before.sample[i] - now.sample[i]) <= kSameAnswer;
  }
  if (!same) return Fail(Code::kConflict, "the model answers differently than before");
  return {};
}

}  // namespace weir::dataset
