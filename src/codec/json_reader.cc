#include "codec/json_reader.h"

#include <fmt/format.h>
#include <rapidjson/encodedstream.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <cstring>

#include "base/nearest.h"

namespace weir::codec {
namespace {

constexpr std::size_t kKeepCapacity = std::size_t{1} << 20;
constexpr std::size_t kMostToExplain = std::size_t{1} << 20;  // a second parse holds up the I/O thread

// simdjson says what is wrong but not where. This slower parser runs only for a body that is refused.
std::string WhereItBreaks(std::string_view body) {
  rapidjson::MemoryStream bytes(body.data(), body.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
  rapidjson::Reader reader;
  rapidjson::BaseReaderHandler<> ignore;
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, ignore);
  if (!result.IsError()) return {};
  return fmt::format(" at byte {}: {}", result.Offset(), rapidjson::GetParseError_En(result.Code()));
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
    std::string where = body.size() <= kMostToExplain ? WhereItBreaks(body) : std::string();
    if (where.empty() || error == simdjson::DEPTH_ERROR) where = fmt::format(": {}", simdjson::error_message(error));
    return InvalidArgument(fmt::format("the body is not valid JSON{}", where));
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
  std::int64_t value = 0;
  if ((*found)->get(value) || value < least || value > most) {
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

}  // namespace weir::codec
