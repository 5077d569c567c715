#include "folder/json_file.h"

#include <fmt/format.h>
#include <rapidjson/encodedstream.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <cmath>
#include <fstream>

namespace weir {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMostJsonBytes = std::uintmax_t{32} << 20;

constexpr std::size_t kDeepest = 100;  // arrays and objects in each other

// RapidJSON's own tree is not used: the version that Debian has does not compile with clang.
struct Node {
  enum class Kind : std::uint8_t { kNull, kFlag, kNumber, kText, kArray, kObject };
  Kind kind = Kind::kNull;
  bool flag = false;
  double number = 0;
  std::optional<std::int64_t> whole;
  std::string text;
  std::vector<Node> items;        // of an array, or an object's values
  std::vector<std::string> keys;  // of an object, in the order of `items`
};

const Node* From(const void* value) { return static_cast<const Node*>(value); }

bool Is(const void* value, Node::Kind kind) { return value != nullptr && From(value)->kind == kind; }

// Takes the parser's events.
class TreeBuilder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, TreeBuilder> {
 public:
  bool Null() { return Add({}); }
  bool Bool(bool flag) { return Add({.kind = Node::Kind::kFlag, .flag = flag}); }
  bool Int(int value) { return Int64(value); }
  bool Uint(unsigned value) { return Int64(value); }
  bool Int64(std::int64_t value) {
    return Add({.kind = Node::Kind::kNumber, .number = static_cast<double>(value), .whole = value});
  }
  bool Uint64(std::uint64_t value) { return Double(static_cast<double>(value)); }
  bool Double(double value) { return Add({.kind = Node::Kind::kNumber, .number = value}); }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    return Add({.kind = Node::Kind::kText, .text = std::string(text, length)});
  }
  bool StartArray() { return Open(Node::Kind::kArray); }
  bool StartObject() { return Open(Node::Kind::kObject); }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    open_.back().keys.emplace_back(text, length);
    return true;
  }
  bool EndArray(rapidjson::SizeType) { return Close(); }
  bool EndObject(rapidjson::SizeType) { return Close(); }

  Node Take() { return std::move(root_); }

 private:
  bool Open(Node::Kind kind) {
    open_.push_back({.kind = kind});
    return open_.size() <= kDeepest;
  }
  bool Close() {
    Node done = std::move(open_.back());
    open_.pop_back();
    return Add(std::move(done));
  }
  bool Add(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else {
      open_.back().items.push_back(std::move(node));
    }
    return true;
  }

  std::vector<Node> open_;
  Node root_;
};

std::unexpected<Error> Unreadable(const fs::path& file, std::string_view why) {
  return Fail(Code::kUnprocessable, fmt::format("{}: {}", file.string(), why));
}

}  // namespace

JsonValue::operator bool() const { return value_ != nullptr && !Is(value_, Node::Kind::kNull); }
bool JsonValue::IsObject() const { return Is(value_, Node::Kind::kObject); }
bool JsonValue::IsArray() const { return Is(value_, Node::Kind::kArray); }

std::optional<std::string> JsonValue::Text() const {
  if (!Is(value_, Node::Kind::kText)) return std::nullopt;
  return From(value_)->text;
}

std::optional<bool> JsonValue::Flag() const {
  if (!Is(value_, Node::Kind::kFlag)) return std::nullopt;
  return From(value_)->flag;
}

std::optional<double> JsonValue::Number() const {
  if (!Is(value_, Node::Kind::kNumber)) return std::nullopt;
  return From(value_)->number;
}

std::optional<std::int64_t> JsonValue::Whole() const {
  const std::optional<double> number = Number();
  if (!number) return std::nullopt;
  if (From(value_)->whole) return From(value_)->whole;
  constexpr double kMost = 9e18;
  if (!(std::abs(*number) < kMost) || std::trunc(*number) != *number) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

JsonValue JsonValue::operator[](std::string_view key) const {
  if (!IsObject()) return {};
  // The last one of a name counts, as in Python.
  const std::vector<std::string>& keys = From(value_)->keys;
  for (std::size_t i = keys.size(); i-- > 0;) {
    if (keys[i] == key) return JsonValue(&From(value_)->items[i]);
  }
  return {};
}

std::vector<std::pair<std::string, JsonValue>> JsonValue::Members() const {
  std::vector<std::pair<std::string, JsonValue>> members;
  if (!IsObject()) return members;
  const Node& object = *From(value_);
  for (std::size_t i = 0; i < object.keys.size(); ++i) members.emplace_back(object.keys[i], &object.items[i]);
  return members;
}

std::vector<JsonValue> JsonValue::Items() const {
  std::vector<JsonValue> items;
  if (!IsArray()) return items;
  for (const Node& node : From(value_)->items) items.emplace_back(&node);
  return items;
}

struct JsonFile::Document {
  Node root;
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
  rapidjson::MemoryStream bytes(json.data(), json.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
  rapidjson::Reader reader;
  TreeBuilder builder;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, builder);
  JsonFile file(std::move(name), std::make_unique<Document>(builder.Take()));
  if (!result.IsError()) return file;
  const bool deep = result.Code() == rapidjson::kParseErrorTermination;
  return file.Refuse(fmt::format("not valid JSON at byte {}: {}", result.Offset(),
                                 deep ? "nested too deep" : rapidjson::GetParseError_En(result.Code())));
}

JsonValue JsonFile::root() const { return JsonValue(&document_->root); }

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
