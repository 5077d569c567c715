// Reads JSON bodies into domain types; an error names the field.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::codec {

using JsonElement = simdjson::dom::element;

// Parses `body` with a parser that belongs to the calling thread: the element is valid until this thread
// parses again. The error says at which byte the text stops being JSON (or UTF-8).
Result<JsonElement> ParseJson(std::string_view body);

// "a string", "an array": for messages.
std::string_view JsonTypeName(JsonElement element);

// A number without a fraction, as JSON has it: 5, or 5.0. nullopt for anything else.
std::optional<std::int64_t> WholeNumber(JsonElement element);

// The fields of one object, each asked for once. Confined to one thread; valid as long as its element.
//
// A wrong type is an InvalidArgument that names the field ("inputs[0].shape"); `null` counts as absent.
class JsonObject {
 public:
  // `path` is put before the names of fields ("inputs[0]"); empty for the body itself.
  static Result<JsonObject> From(JsonElement element, std::string path = {});

  Result<std::optional<JsonElement>> Find(std::string_view key) const;
  // The same, with `null` as a value of its own.
  std::optional<JsonElement> FindEvenNull(std::string_view key) const;
  Result<JsonElement> Require(std::string_view key) const;
  Result<std::string> RequireString(std::string_view key) const;
  Result<std::optional<std::string>> FindString(std::string_view key) const;
  Result<std::optional<bool>> FindBool(std::string_view key) const;
  // A whole number from `least` to `most`.
  Result<std::optional<std::int64_t>> FindInt(std::string_view key, std::int64_t least, std::int64_t most) const;
  Result<std::optional<JsonObject>> FindObject(std::string_view key) const;
  Result<simdjson::dom::array> RequireArray(std::string_view key) const;

  // InvalidArgument for a key that is none of `known`, with the nearest one.
  Status OnlyKnown(std::span<const std::string> known) const;

  std::string Path(std::string_view key) const;

 private:
  JsonObject(simdjson::dom::object object, std::string path) : object_(object), path_(std::move(path)) {}
  std::unexpected<Error> WrongType(std::string_view key, std::string_view wanted, JsonElement found) const;

  simdjson::dom::object object_;
  std::string path_;
};

// A body that is one object; valid as long as what ParseJson gives.
Result<JsonObject> ParseJsonObject(std::string_view body);

}  // namespace weir::codec
