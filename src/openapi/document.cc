#include "openapi/document.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/version.h"
#include "codec/json_writer.h"

namespace weir::openapi {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

struct Part {
  std::string_view file;
  ErrorShape shape;  // of the routes that it describes
};
constexpr std::array kParts = {
    Part{"weir.json", ErrorShape::kOpenAi},         Part{"text.json", ErrorShape::kOpenAi},
    Part{"models.json", ErrorShape::kOpenAi},       Part{"forecast.json", ErrorShape::kOpenAi},
    Part{"inference.json", ErrorShape::kInference}, Part{"sentiment.json", ErrorShape::kSentiment},
    Part{"candles.json", ErrorShape::kCandles}};

std::string_view ErrorSchema(ErrorShape shape) {
  switch (shape) {
    case ErrorShape::kOpenAi: return "Error";
    case ErrorShape::kInference: return "InferenceError";
    case ErrorShape::kSentiment: return "SentimentError";
    case ErrorShape::kCandles: return "CandlesError";
  }
  return "Error";
}

std::string NameOf(const Route& route) { return std::string(route.method) + " " + std::string(route.pattern); }

// A member, or nullopt.
std::optional<element> Find(const element& parent, std::string_view key) {
  element found;
  if (parent[key].get(found)) return std::nullopt;
  return found;
}
std::string_view Text(const element& value) { return value.get_string().value(); }

// One file of parts/; keeps what its elements point to.
struct Document {
  explicit Document(std::string_view file) {
    const EmbeddedFile* found = FindFile(file);
    root = parser.parse(found->bytes.data(), found->bytes.size()).value();  // the unit tests have seen that it is JSON
  }
  simdjson::dom::parser parser;
  element root;
};

// The parts, by the operations that they describe. Made once, then immutable.
class Parts {
 public:
  struct Operation {
    element value;
    std::string_view tag;
  };

  Parts() : common_("common.json") {
    for (const Part& part : kParts) {
      const element& root = documents_.emplace_back(std::make_unique<Document>(part.file))->root;
      const std::string_view tag = Text(root["tag"]);
      for (const auto& [name, operation] : object(root["operations"])) {
        operations_.insert({{part.shape, std::string(name)}, {operation, tag}});
        const auto also = Find(operation, "also");
        if (!also) continue;
        for (const element other : also->get_array()) {
          operations_.insert({{part.shape, std::string(Text(other))}, {operation, tag}});
        }
      }
    }
  }

  element common(std::string_view key) const { return common_.root[key].value(); }
  std::span<const std::unique_ptr<Document>> documents() const { return documents_; }
  // Null: nothing is said of it.
  const Operation* Of(const Route& route) const {
    const auto found = operations_.find({route.errors, NameOf(route)});
    return found == operations_.end() ? nullptr : &found->second;
  }

 private:
  Document common_;
  std::vector<std::unique_ptr<Document>> documents_;
  std::map<std::pair<ErrorShape, std::string>, Operation> operations_;
};

const Parts& TheParts() {
  static const Parts parts;
  return parts;
}

// Whether a model runs for it.
bool IsWork(const element& operation) {
  const auto answer = Find(operation["answers"], "200");
  return answer && Find(*answer, "timed");
}

// Writes one document.
class Maker {
 public:
  explicit Maker(const Facts& facts) : parts_(TheParts()), facts_(facts) {}

  std::string Make(std::span<const Route> routes) {
    json_.BeginObject().Key("openapi").String("3.1.0").Key("info").BeginObject();
    json_.Key("title").String("Weir").Key("version").String(kVersion);
    json_.Key("description").String("A model server: what its HTTP port answers.").EndObject();
    json_.Key("tags").BeginArray();
    for (const auto& part : parts_.documents()) Put("name", [&] { Copy(part->root["tag"]); });
    json_.EndArray().Key("paths").BeginObject();
    WritePaths(routes);
    json_.EndObject().Key("components").BeginObject();
    WriteComponents();
    return json_.EndObject().EndObject().Take();
  }

 private:
  // {"key": what `write` writes}
  void Put(std::string_view key, auto write) {
    json_.BeginObject().Key(key);
    write();
    json_.EndObject();
  }
  void WriteReference(const std::string& place) {
    Put("$ref", [&] { json_.String("#/components/" + place); });
  }

  // As it stands there, but for bounds and shared properties.
  void Copy(const element& value) {
    switch (value.type()) {
      case simdjson::dom::element_type::ARRAY:
        json_.BeginArray();
        for (const element item : value.get_array()) Copy(item);
        json_.EndArray();
        break;
      case simdjson::dom::element_type::OBJECT:
        json_.BeginObject();
        CopyMembers(value);
        json_.EndObject();
        break;
      case simdjson::dom::element_type::STRING: CopyText(Text(value)); break;
      case simdjson::dom::element_type::BOOL: json_.Bool(value.get_bool().value()); break;
      case simdjson::dom::element_type::NULL_VALUE: json_.Null(); break;
      case simdjson::dom::element_type::DOUBLE: json_.Double(value.get_double().value()); break;
      default: json_.Int(value.get_int64().value());
    }
  }
  // "$include" stands for the properties of that schema.
  void CopyMembers(const element& from) {
    for (const auto& [key, member] : object(from)) {
      if (key == "$include") {
        CopyMembers(schemas_[Text(member)]["properties"]);
      } else {
        json_.Key(key);
        Copy(member);
      }
    }
  }
  // "$deadline.max" stands for that setting's value.
  void CopyText(std::string_view text) {
    const auto bound = text.starts_with('$') ? facts_.bounds.find(text.substr(1)) : facts_.bounds.end();
    if (bound != facts_.bounds.end()) {
      json_.Int(bound->second);
    } else {
      json_.String(text);
    }
  }
  void CopyIfThere(const element& from, std::string_view key) {
    const auto found = Find(from, key);
    if (!found) return;
    json_.Key(key);
    Copy(*found);
  }

  void WritePaths(std::span<const Route> routes) {
    std::set<std::string> written;
    for (const Route& route : routes) {
      if (!parts_.Of(route) || !written.insert(std::string(route.pattern)).second) continue;
      json_.Key(route.pattern).BeginObject();
      std::set<std::string_view> methods;
      for (const Route& other : routes) {
        const Parts::Operation* operation = parts_.Of(other);
        if (other.pattern != route.pattern || operation == nullptr || !methods.insert(other.method).second) continue;
        std::string method(other.method);
        std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c | 0x20); });
        json_.Key(method).BeginObject();
        WriteOperation(other, *operation);
        json_.EndObject();
      }
      json_.EndObject();
    }
  }

  void WriteOperation(const Route& route, const Parts::Operation& described) {
    const element& from = described.value;
    std::string id = NameOf(route);
    std::ranges::replace_if(id, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
    json_.Key("operationId").String(id).Key("tags").BeginArray().String(described.tag).EndArray();
    CopyIfThere(from, "summary");
    CopyIfThere(from, "description");
    json_.Key("parameters").BeginArray();
    WriteParameters(route, from);
    json_.EndArray();
    if (const auto body = Find(from, "body")) {
      const auto required = Find(*body, "required");
      json_.Key("requestBody").BeginObject().Key("required").Bool(!required || required->get_bool().value());
      WriteContent(*body);
      json_.EndObject();
    }
    json_.Key("responses").BeginObject();
    WriteResponses(route, from);
    json_.EndObject();
    if (!facts_.asks_keys || route.is_open) return;
    json_.Key("security").BeginArray();  // any of these
    for (const auto& [name, scheme] : object(parts_.common("security"))) {
      Put(name, [&] { json_.BeginArray().EndArray(); });
    }
    json_.EndArray();
  }

  void WriteParameters(const Route& route, const element& from) {
    for (const auto& [name, parameter] : object(parts_.common("parameters"))) {
      const std::string_view place = Text(parameter["in"]);
      const bool in_path = place == "path" && route.pattern.contains("{" + std::string(name) + "}");
      const bool in_header = place == "header" && (!Find(parameter, "x-of-work") || IsWork(from));
      if (in_path || in_header) WriteReference("parameters/" + std::string(name));
    }
    const auto more = Find(from, "parameters");
    if (!more) return;
    for (const element parameter : more->get_array()) Copy(parameter);
  }

  // "content": what a part says of a body.
  void WriteContent(const element& from) {
    const auto type = Find(from, "type");
    json_.Key("content").BeginObject().Key(type ? Text(*type) : "application/json").BeginObject();
    CopyIfThere(from, "schema");
    CopyIfThere(from, "example");
    json_.EndObject();
    if (const auto other = Find(from, "other_type")) json_.Key(Text(*other)).BeginObject().EndObject();
    json_.EndObject();
  }

  void WriteHeaders(const std::vector<std::string>& names, const std::optional<element>& own) {
    json_.Key("headers").BeginObject();
    for (const std::string& name : names) {
      json_.Key(name);
      WriteReference("headers/" + name);
    }
    if (own) CopyMembers(*own);
    json_.EndObject();
  }

  void WriteResponses(const Route& route, const element& from) {
    std::set<std::string> written;
    for (const auto& [status, answer] : object(from["answers"])) {
      written.emplace(status);
      const auto description = Find(answer, "description");
      json_.Key(status).BeginObject().Key("description").String(description ? Text(*description) : "Done.");
      std::vector<std::string> headers = {"X-Request-Id", "traceparent"};
      if (Find(answer, "timed")) headers.emplace_back("Server-Timing");
      WriteHeaders(headers, Find(answer, "headers"));
      if (Find(answer, "schema")) WriteContent(answer);
      json_.EndObject();
    }
    for (const std::string& status : Errors(route, from)) {
      if (written.contains(status)) continue;
      const std::string name = std::string(ErrorSchema(route.errors)) + status;
      failures_.insert({name, {route.errors, status}});
      json_.Key(status);
      WriteReference("responses/" + name);
    }
  }

  // What any such request may be answered with, and what the part adds.
  std::set<std::string> Errors(const Route& route, const element& from) const {
    std::set<std::string> errors = {"400", "431", "500"};
    if (route.errors == ErrorShape::kSentiment || route.errors == ErrorShape::kCandles) errors.insert("422");
    if (facts_.asks_keys && !route.is_open) errors.insert({"401", "403", "429"});
    if (route.method != "GET") errors.insert({"413", "415", "503"});
    if (const auto more = Find(from, "errors")) {
      for (const element status : more->get_array()) errors.emplace(Text(status));
    }
    return errors;
  }

  void WriteFailure(ErrorShape shape, const std::string& status) {
    json_.BeginObject();
    json_.Key("description");
    Copy(parts_.common("errors")[status]);
    std::vector<std::string> headers = {"X-Request-Id", "traceparent"};
    if (status == "429" || status == "503") headers.emplace_back("Retry-After");
    if (status == "429") headers.insert(headers.end(), {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"});
    WriteHeaders(headers, std::nullopt);
    json_.Key("content").BeginObject().Key("application/json").BeginObject().Key("schema");
    WriteReference("schemas/" + std::string(ErrorSchema(shape)));
    json_.EndObject().EndObject().EndObject();
  }

  void WriteComponents() {
    json_.Key("parameters");
    Copy(parts_.common("parameters"));
    json_.Key("headers");
    Copy(parts_.common("headers"));
    json_.Key("responses").BeginObject();
    for (const auto& [name, failure] : failures_) {
      json_.Key(name);
      WriteFailure(failure.first, failure.second);
    }
    json_.EndObject();
    if (facts_.asks_keys) {
      json_.Key("securitySchemes");
      Copy(parts_.common("security"));
    }
    json_.Key("schemas").BeginObject();
    CopyMembers(parts_.common("schemas"));
    for (const auto& part : parts_.documents()) {
      schemas_ = part->root["schemas"].value();
      CopyMembers(schemas_);
    }
    json_.EndObject();
  }

  const Parts& parts_;
  const Facts& facts_;
  codec::JsonWriter json_;
  element schemas_;                                                     // of the part that is being copied
  std::map<std::string, std::pair<ErrorShape, std::string>> failures_;  // shape and status by name, as paths use them
};

}  // namespace

std::string MakeDocument(std::span<const Route> routes, const Facts& facts) { return Maker(facts).Make(routes); }

const EmbeddedFile* FindFile(std::string_view name) {
  const auto found = std::ranges::find(Files(), name, &EmbeddedFile::name);
  return found == Files().end() ? nullptr : &*found;
}

}  // namespace weir::openapi
