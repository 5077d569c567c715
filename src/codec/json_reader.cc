#include "codec/json_reader.h"

#include <fmt/format.h>
#include <rapidjson/encodedstream.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/nearest.h"

namespace weir::codec {
namespace {

constexpr std::size_t kKeepCapacity = std::size_t{1} << 20;
constexpr std::size_t kMostToExplain = std::size_t{1} << 20;  // a second parse holds up the I/O thread

// Keeps the path of the value that is being read: "input[3].text".
class PathTracker : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, PathTracker> {
 public:
  bool Default() {
    Advance();
    return true;
  }
  // The library takes a low surrogate alone for a character.
  bool String(const char* text, rapidjson::SizeType length, bool) {
    lone_surrogate_ = HasSurrogate({text, length});
    return !lone_surrogate_ && Default();
  }
  bool StartObject() { return Open(false); }
  bool StartArray() { return Open(true); }
  bool EndObject(rapidjson::SizeType) { return Close(); }
  bool EndArray(rapidjson::SizeType) { return Close(); }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    if (!levels_.empty()) levels_.back().key.assign(text, length);
    lone_surrogate_ = HasSurrogate({text, length});
    return !lone_surrogate_;
  }

  // Where numbers are handed on as they stand: ends at a whole one that no 64 bits hold.
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    const std::string_view digits(text, length);
    std::uint64_t number = 0;
    std::int64_t negative = 0;
    const bool whole = digits.find_first_of(".eE") == digits.npos;
    const auto read = digits.starts_with('-') ? std::from_chars(text, text + length, negative)
                                              : std::from_chars(text, text + length, number);
    beyond_ = whole && read.ec == std::errc::result_out_of_range;
    return !beyond_ && Default();
  }

  bool lone_surrogate() const { return lone_surrogate_; }
  bool beyond() const { return beyond_; }
  std::string Path() const {
    std::string path;
    for (const Level& level : levels_) {
      if (level.array) {
        path += fmt::format("[{}]", level.index);
      } else if (!level.key.empty()) {
        path += path.empty() ? level.key : "." + level.key;
      }
    }
    return path;
  }

 private:
  struct Level {
    bool array = false;
    std::size_t index = 0;
    std::string key = {};
  };

  // In UTF-8: ED and then A0 to BF.
  static bool HasSurrogate(std::string_view text) {
    for (std::size_t at = text.find('\xED'); at != std::string_view::npos; at = text.find('\xED', at + 1)) {
      if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xA0) return true;
    }
    return false;
  }

  bool Open(bool array) {
    levels_.push_back({.array = array});
    return levels_.size() <= kDeepest;
  }
  bool Close() {
    levels_.pop_back();
    return Default();
  }
  void Advance() {
    if (levels_.empty()) return;
    ++levels_.back().index;
    levels_.back().key.clear();
  }

  static constexpr std::size_t kDeepest = 64;
  std::vector<Level> levels_;
  bool lone_surrogate_ = false;
  bool beyond_ = false;
};

struct Break {
  std::string where;  // " at byte 11: …"; empty when it is not known
  std::string field;  // "input[3]"
};

// The field of the first whole number that no 64 bits hold; nullopt when there is none.
std::optional<std::string> BeyondAllNumbers(std::string_view body) {
  rapidjson::MemoryStream bytes(body.data(), body.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
  rapidjson::Reader reader;
  PathTracker tracker;
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
  reader.Parse<kFlags>(stream, tracker);
  return tracker.beyond() ? std::optional(tracker.Path()) : std::nullopt;
}

// simdjson says what is wrong but not where. This slower parser runs only for a body that is refused.
Break WhereItBreaks(std::string_view body) {
  rapidjson::MemoryStream bytes(body.data(), body.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
  rapidjson::Reader reader;
  PathTracker tracker;
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, tracker);
  if (tracker.lone_surrogate()) {
    return {.where = fmt::format(" before byte {}: a lone surrogate", result.Offset()), .field = tracker.Path()};
  }
  if (!result.IsError() || result.Code() == rapidjson::kParseErrorTermination) return {};
  return {.where = fmt::format(" at byte {}: {}", result.Offset(), rapidjson::GetParseError_En(result.Code())),
          .field = tracker.Path()};
}

}  // namespace

Result<JsonElement> ParseJson(std::string_view body) {
  thread_local simdjson::dom::parser parser;
  JsonElement root;
  // One huge body must not keep its memory for ever.
  if (parser.capacity() > kKeepCapacity && body.size() <= kKeepCapacity) parser = simdjson::dom::parser();
  if (body.empty()) return InvalidArgument("the body is empty; JSON is expected");
  // Some versions of simdjson skip it, some refuse it: the same answer everywhere.
  if (body.starts_with("\xEF\xBB\xBF")) {
    return InvalidArgument("the body is not valid JSON at byte 0: it starts with a byte order mark");
  }
  if (const auto error = parser.parse(body.data(), body.size()).get(root)) {
    Break found = body.size() <= kMostToExplain ? WhereItBreaks(body) : Break{};
    const auto beyond = body.size() <= kMostToExplain && found.where.empty() ? BeyondAllNumbers(body) : std::nullopt;
    if (beyond) return InvalidArgument(fmt::format("'{}' is a number beyond all that 64 bits hold", *beyond), *beyond);
    if (found.where.empty() || error == simdjson::DEPTH_ERROR) {
      found = {.where = fmt::format(": {}", simdjson::error_message(error)), .field = {}};
    }
    if (!found.field.empty()) found.where += fmt::format(" (in '{}')", found.field);
    return InvalidArgument(fmt::format("the body is not valid JSON{}", found.where), found.field);
  }
  return root;
}

std::string_view JsonTypeName(JsonElement element) {
  switch (element.type()) {
    case simdjson::dom::element_type::ARRAY: return "an array";
    case simdjson::dom::element_type::OBJECT: return "an object";
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
    case simdjson::dom::element_type::DOUBLE: return "a number";
    case simdjson::dom::element_type::STRING: return "a string";
    case simdjson::dom::element_type::BOOL: return "a boolean";
    case simdjson::dom::element_type::NULL_VALUE: return "null";
  }
  return "something else";
}

std::optional<std::int64_t> WholeNumber(JsonElement element) {
  constexpr double kExact = 9007199254740992;  // 2^53: beyond it doubles are not all whole numbers
  std::int64_t value = 0;
  if (!element.get(value)) return value;
  double number = 0;
  if (element.get(number) || !(std::abs(number) < kExact) || number != std::trunc(number)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

Result<JsonObject> JsonObject::From(JsonElement element, std::string path) {
  simdjson::dom::object object;
  if (element.get(object)) {
    return InvalidArgument(
        fmt::format("{} must be an object, not {}", path.empty() ? "the body" : path, JsonTypeName(element)), path);
  }
  return JsonObject(object, std::move(path));
}

std::string JsonObject::Path(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

std::unexpected<Error> JsonObject::WrongType(std::string_view key, std::string_view wanted, JsonElement found) const {
  const std::string path = Path(key);
  return InvalidArgument(fmt::format("'{}' must be {}, not {}", path, wanted, JsonTypeName(found)), path);
}

Result<std::optional<JsonElement>> JsonObject::Find(std::string_view key) const {
  JsonElement found;
  if (object_.at_key(key).get(found) || found.is_null()) return std::nullopt;
  return found;
}

std::optional<JsonElement> JsonObject::FindEvenNull(std::string_view key) const {
  JsonElement found;
  if (object_.at_key(key).get(found)) return std::nullopt;
  return found;
}

Result<JsonElement> JsonObject::Require(std::string_view key) const {
  JsonElement found;
  if (object_.at_key(key).get(found)) {
    return InvalidArgument(fmt::format("'{}' is missing", Path(key)), Path(key));
  }
  return found;
}

Result<std::string> JsonObject::RequireString(std::string_view key) const {
  Result<JsonElement> found = Require(key);
  if (!found) return Forward(found);
  std::string_view value;
  if (found->get(value)) return WrongType(key, "a string", *found);
  return std::string(value);
}

Result<std::optional<std::string>> JsonObject::FindString(std::string_view key) const {
  const auto found = Find(key);
  if (!*found) return std::nullopt;
  std::string_view value;
  if ((*found)->get(value)) return WrongType(key, "a string", **found);
  return std::string(value);
}

Result<std::optional<bool>> JsonObject::FindBool(std::string_view key) const {
  const auto found = Find(key);
  if (!*found) return std::nullopt;
  bool value = false;
  if ((*found)->get(value)) return WrongType(key, "true or false", **found);
  return value;
}

Result<std::optional<std::int64_t>> JsonObject::FindInt(std::string_view key, std::int64_t least,
                                                        std::int64_t most) const {
  const auto found = Find(key);
  if (!*found) return std::nullopt;
  const std::optional<std::int64_t> value = WholeNumber(**found);
  if (!value || *value < least || *value > most) {
    return InvalidArgument(fmt::format("'{}' must be a whole number from {} to {}", Path(key), least, most), Path(key));
  }
  return value;
}

Result<simdjson::dom::array> JsonObject::RequireArray(std::string_view key) const {
  Result<JsonElement> found = Require(key);
  if (!found) return Forward(found);
  simdjson::dom::array value;
  if (found->get(value)) return WrongType(key, "an array", *found);
  return value;
}

Status JsonObject::OnlyKnown(std::span<const std::string> known) const {
  for (const auto& [key, value] : object_) {
    if (std::ranges::find(known, key) != known.end()) continue;
    return InvalidArgument(fmt::format("unknown field '{}'{}", Path(key), DidYouMean(key, known)), Path(key));
  }
  return {};
}

Result<std::optional<JsonObject>> JsonObject::FindObject(std::string_view key) const {
  auto found = Find(key);
  if (!found) return Forward(found);
  if (!*found) return std::nullopt;
  Result<JsonObject> inside = From(**found, Path(key));
  if (!inside) return Forward(inside);
  return std::optional(std::move(*inside));
}

Result<JsonObject> ParseJsonObject(std::string_view body) {
  Result<JsonElement> root = ParseJson(body);
  if (!root) return Forward(root);
  return JsonObject::From(*root);
}

}  // namespace weir::codec
