#include "text/json_file.h"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <cmath>
#include <fstream>
#include <limits>

namespace weir {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMostJsonBytes = std::uintmax_t{32} << 20;

const rapidjson::Value* From(const void* value) { return static_cast<const rapidjson::Value*>(value); }

std::string TextOf(const rapidjson::Value& value) { return {value.GetString(), value.GetStringLength()}; }

std::unexpected<Error> Unreadable(const fs::path& file, std::string_view why) {
  return Fail(Code::kUnprocessable, fmt::format("{}: {}", file.string(), why));
}

}  // namespace

JsonValue::operator bool() const { return value_ != nullptr && !From(value_)->IsNull(); }
bool JsonValue::IsObject() const { return value_ != nullptr && From(value_)->IsObject(); }
bool JsonValue::IsArray() const { return value_ != nullptr && From(value_)->IsArray(); }

std::optional<std::string> JsonValue::Text() const {
  if (value_ == nullptr || !From(value_)->IsString()) return std::nullopt;
  return TextOf(*From(value_));
}

std::optional<bool> JsonValue::Flag() const {
  if (value_ == nullptr || !From(value_)->IsBool()) return std::nullopt;
  return From(value_)->GetBool();
}

std::optional<double> JsonValue::Number() const {
  if (value_ == nullptr || !From(value_)->IsNumber()) return std::nullopt;
  return From(value_)->GetDouble();
}

std::optional<std::int64_t> JsonValue::Whole() const {
  if (value_ != nullptr && From(value_)->IsInt64()) return From(value_)->GetInt64();
  const std::optional<double> number = Number();
  constexpr double kMost = 9e18;
  if (!number || !(std::abs(*number) < kMost) || std::trunc(*number) != *number) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

JsonValue JsonValue::operator[](std::string_view key) const {
  if (!IsObject()) return {};
  const rapidjson::Value name(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  const auto found = From(value_)->FindMember(name);
  return found == From(value_)->MemberEnd() ? JsonValue() : JsonValue(&found->value);
}

std::vector<std::pair<std::string, JsonValue>> JsonValue::Members() const {
  std::vector<std::pair<std::string, JsonValue>> members;
  if (!IsObject()) return members;
  for (const auto& member : From(value_)->GetObject()) members.emplace_back(TextOf(member.name), &member.value);
  return members;
}

std::vector<JsonValue> JsonValue::Items() const {
  std::vector<JsonValue> items;
  if (!IsArray()) return items;
  for (const rapidjson::Value& item : From(value_)->GetArray()) items.emplace_back(&item);
  return items;
}

struct JsonFile::Document {
  rapidjson::Document tree;
};

JsonFile::JsonFile(std::string name, std::unique_ptr<Document> document)
    : name_(std::move(name)), document_(std::move(document)) {}
JsonFile::JsonFile(JsonFile&&) noexcept = default;
JsonFile& JsonFile::operator=(JsonFile&&) noexcept = default;
JsonFile::~JsonFile() = default;

Result<std::optional<std::string>> ReadFolderFile(const fs::path& file, std::uintmax_t most_bytes) {
  std::error_code error;
  // The link itself: one that leads nowhere is a broken folder, not an absent file.
  if (fs::symlink_status(file, error).type() == fs::file_type::not_found) return std::nullopt;
  const fs::file_status status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found) return Unreadable(file, "a link that leads nowhere");
  if (error) return Unreadable(file, error.message());
  if (!fs::is_regular_file(status)) return Unreadable(file, "not a regular file");
  const std::uintmax_t size = fs::file_size(file, error);
  if (error) return Unreadable(file, error.message());
  if (size > most_bytes)
    return Unreadable(file, fmt::format("{} bytes, more than the {} it may have", size, most_bytes));
  std::string bytes(size, '\0');
  std::ifstream stream(file, std::ios::binary);
  if (!stream.read(bytes.data(), static_cast<std::streamsize>(size))) return Unreadable(file, "cannot be read");
  return bytes;
}

Result<std::optional<JsonFile>> JsonFile::Read(const fs::path& file) {
  auto bytes = ReadFolderFile(file, kMostJsonBytes);
  if (!bytes) return Forward(bytes);
  if (!*bytes) return std::nullopt;
  Result<JsonFile> parsed = Parse(**bytes, file.string());
  if (!parsed) return Forward(parsed);
  return std::optional<JsonFile>(std::move(*parsed));
}

Result<JsonFile> JsonFile::Parse(std::string_view json, std::string name) {
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseNanAndInfFlag |
                              rapidjson::kParseValidateEncodingFlag | rapidjson::kParseFullPrecisionFlag;
  auto document = std::make_unique<Document>();
  document->tree.Parse<kFlags>(json.data(), json.size());
  JsonFile file(std::move(name), std::move(document));
  const rapidjson::Document& tree = file.document_->tree;
  if (!tree.HasParseError()) return file;
  return file.Refuse(fmt::format("not valid JSON at byte {}: {}", tree.GetErrorOffset(),
                                 rapidjson::GetParseError_En(tree.GetParseError())));
}

JsonValue JsonFile::root() const { return JsonValue(static_cast<const rapidjson::Value*>(&document_->tree)); }

std::unexpected<Error> JsonFile::Refuse(std::string_view why) const {
  return Fail(Code::kUnprocessable, fmt::format("{}: {}", name_, why));
}

Status JsonFile::Get(std::string_view key, std::string& into) const {
  const JsonValue value = root()[key];
  if (!value) return {};
  std::optional<std::string> text = value.Text();
  if (!text) return Refuse(fmt::format("{} is not a text", key));
  into = std::move(*text);
  return {};
}

Status JsonFile::Get(std::string_view key, bool& into) const {
  const JsonValue value = root()[key];
  if (!value) return {};
  const std::optional<bool> flag = value.Flag();
  if (!flag) return Refuse(fmt::format("{} is neither true nor false", key));
  into = *flag;
  return {};
}

Status JsonFile::Get(std::string_view key, std::size_t least, std::size_t most, std::size_t& into) const {
  const JsonValue value = root()[key];
  if (!value) return {};
  const std::optional<std::int64_t> whole = value.Whole();
  if (!whole || *whole < static_cast<std::int64_t>(least) || *whole > static_cast<std::int64_t>(most)) {
    return Refuse(fmt::format("{} is not a whole number from {} to {}", key, least, most));
  }
  into = static_cast<std::size_t>(*whole);
  return {};
}

}  // namespace weir
