// The JSON files of a model folder: read leniently where Python writes leniently, with errors that name the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace weir {

// A value in a JsonFile; valid as long as that file. What is absent, null or of another type gives nullopt, or
// nothing to go through. Cheap to copy.
class JsonValue {
 public:
  JsonValue() = default;
  explicit JsonValue(const void* value) : value_(value) {}

  // Present and not null.
  explicit operator bool() const;
  bool IsObject() const;
  bool IsArray() const;

  std::optional<std::string> Text() const;
  std::optional<bool> Flag() const;
  std::optional<double> Number() const;
  // A number without a fraction that fits; 512.0 is one.
  std::optional<std::int64_t> Whole() const;

  JsonValue operator[](std::string_view key) const;
  std::vector<std::pair<std::string, JsonValue>> Members() const;
  std::vector<JsonValue> Items() const;

 private:
  const void* value_ = nullptr;  // of the library's type
};

// One parsed file. Numbers of any size, NaN and infinity are read, as Python's json writes them. Immutable;
// thread-compatible.
class JsonFile {
 public:
  // nullopt when there is no such file. kUnprocessable, with the file's name, when it cannot be read (a link that leads
  // nowhere or in a circle, no regular file, over 32 MB) or is not JSON. Blocks while it is read.
  static Result<std::optional<JsonFile>> Read(const std::filesystem::path& file);
  // The same from bytes; `name` is what errors call it.
  static Result<JsonFile> Parse(std::string_view json, std::string name);

  JsonFile(JsonFile&&) noexcept;
  JsonFile& operator=(JsonFile&&) noexcept;
  ~JsonFile();

  JsonValue root() const;
  JsonValue operator[](std::string_view key) const { return root()[key]; }

  // kUnprocessable: "FILE: why".
  std::unexpected<Error> Refuse(std::string_view why) const;

  // Each leaves `into` as it is when there is no such entry, and refuses one of another type by name.
  Status Get(std::string_view key, std::string& into) const;
  Status Get(std::string_view key, bool& into) const;
  Status Get(std::string_view key, std::size_t least, std::size_t most, std::size_t& into) const;

 private:
  struct Document;
  JsonFile(std::string name, std::unique_ptr<Document> document);

  std::string name_;
  std::unique_ptr<Document> document_;
};

// The file's bytes; as JsonFile::Read, for files of any kind. nullopt when there is no such file.
Result<std::optional<std::string>> ReadFolderFile(const std::filesystem::path& file, std::uintmax_t most_bytes);

}  // namespace weir
