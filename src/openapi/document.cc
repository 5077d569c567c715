#include "openapi/document.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/version.h"

namespace weir::openapi {
namespace {

using rapidjson::Document;
using rapidjson::Value;

struct Part {
  std::string_view file;
  std::vector<ErrorShape> shapes;  // of the routes that it describes
};
const std::array kParts = {Part{"weir.json", {ErrorShape::kOpenAi}}, Part{"text.json", {ErrorShape::kOpenAi}},
                           Part{"models.json", {ErrorShape::kOpenAi}}, Part{"inference.json", {ErrorShape::kInference}},
                           Part{"sentiment.json", {ErrorShape::kSentiment}}};

constexpr std::string_view kSchemas = "#/components/schemas/";

std::string_view ErrorSchema(ErrorShape shape) {
  switch (shape) {
    case ErrorShape::kOpenAi: return "Error";
    case ErrorShape::kInference: return "InferenceError";
    case ErrorShape::kSentiment: return "SentimentError";
  }
  return "Error";
}

rapidjson::Document Parse(std::string_view file) {
  Document parsed;
  const EmbeddedFile* found = FindFile(file);
  if (found != nullptr) parsed.Parse(found->bytes.data(), found->bytes.size());
  if (!parsed.IsObject()) parsed.SetObject();
  return parsed;
}

// The parts, by the operations that they describe.
class Parts {
 public:
  struct Operation {
    const Value* value;
    std::string_view tag;
  };

  Parts() : common_(Parse("common.json")) {
    documents_.reserve(kParts.size());
    for (const Part& part : kParts) {
      const Document& document = documents_.emplace_back(Parse(part.file));
      const std::string_view tag = document["tag"].GetString();
      for (const auto& [name, operation] : document["operations"].GetObject()) {
        for (const ErrorShape shape : part.shapes) Note(shape, name.GetString(), {&operation, tag});
      }
    }
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  const Value& common(const char* key) const { return common_[key]; }
  std::span<const Document> documents() const { return documents_; }
  // Null: nothing is said of it.
  const Operation* Find(const Route& route) const {
    const auto found = operations_.find({route.errors, NameOf(route)});
    return found == operations_.end() ? nullptr : &found->second;
  }
  static std::string NameOf(const Route& route) { return std::string(route.method) + " " + std::string(route.pattern); }

 private:
  void Note(ErrorShape shape, const std::string& name, const Operation& operation) {
    operations_.insert({{shape, name}, operation});
    const auto also = operation.value->FindMember("also");
    if (also == operation.value->MemberEnd()) return;
    for (const Value& other : also->value.GetArray()) operations_.insert({{shape, other.GetString()}, operation});
  }

  Document common_;
  std::vector<Document> documents_;
  std::map<std::pair<ErrorShape, std::string>, Operation> operations_;
};

const Parts& TheParts() {
  static const Parts parts;
  return parts;
}

// Writes one document.
class Maker {
 public:
  explicit Maker(const Facts& facts) : parts_(TheParts()), facts_(facts), document_(rapidjson::kObjectType) {}

  std::string Make(std::span<const Route> routes) {
    Add(document_, "openapi", Text("3.1.0"));
    Value info(rapidjson::kObjectType);
    Add(info, "title", Text("Weir"));
    Add(info, "version", Text(kVersion));
    Add(info, "description", Text("A model server: what its HTTP port answers."));
    Add(document_, "info", std::move(info));
    AddTags();
    Add(document_, "paths", Paths(routes));
    Add(document_, "components", Components());
    rapidjson::StringBuffer buffer;
    rapidjson::Writer writer(buffer);
    document_.Accept(writer);
    return {buffer.GetString(), buffer.GetSize()};
  }

 private:
  Value Text(std::string_view text) {
    return Value(text.data(), static_cast<rapidjson::SizeType>(text.size()), document_.GetAllocator());
  }
  Value Copy(const Value& value) { return Value(value, document_.GetAllocator()); }
  void Add(Value& object, std::string_view key, Value value) {
    object.AddMember(Text(key), value, document_.GetAllocator());
  }
  void Push(Value& array, Value value) { array.PushBack(value, document_.GetAllocator()); }
  Value Reference(std::string_view place) {
    Value value(rapidjson::kObjectType);
    Add(value, "$ref", Text(place));
    return value;
  }
  // The member, or null.
  static const Value* Find(const Value& object, const char* key) {
    const auto found = object.FindMember(key);
    return found == object.MemberEnd() ? nullptr : &found->value;
  }

  void AddTags() {
    Value tags(rapidjson::kArrayType);
    for (const Document& part : parts_.documents()) {
      Value tag(rapidjson::kObjectType);
      Add(tag, "name", Copy(part["tag"]));
      Push(tags, std::move(tag));
    }
    Add(document_, "tags", std::move(tags));
  }

  Value Paths(std::span<const Route> routes) {
    Value paths(rapidjson::kObjectType);
    std::set<std::string> seen;
    for (const Route& route : routes) {
      const Parts::Operation* operation = parts_.Find(route);
      if (operation == nullptr || !seen.insert(Parts::NameOf(route)).second) continue;
      const Value pattern = Text(route.pattern);
      if (!paths.HasMember(pattern)) Add(paths, route.pattern, Value(rapidjson::kObjectType));
      std::string method(route.method);
      std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c | 0x20); });
      Add(paths[pattern], method, OperationOf(route, *operation));
    }
    return paths;
  }

  Value OperationOf(const Route& route, const Parts::Operation& described) {
    const Value& from = *described.value;
    Value operation(rapidjson::kObjectType);
    std::string id = Parts::NameOf(route);
    std::ranges::replace_if(id, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
    Add(operation, "operationId", Text(id));
    Value tags(rapidjson::kArrayType);
    Push(tags, Text(described.tag));
    Add(operation, "tags", std::move(tags));
    for (const char* key : {"summary", "description"}) {
      if (const Value* text = Find(from, key)) Add(operation, key, Copy(*text));
    }
    Add(operation, "parameters", Parameters(route, from));
    if (const Value* body = Find(from, "body")) Add(operation, "requestBody", Body(*body));
    Add(operation, "responses", Responses(route, from));
    if (facts_.asks_keys && !route.is_open) Add(operation, "security", Security());
    return operation;
  }

  Value Parameters(const Route& route, const Value& from) {
    Value parameters(rapidjson::kArrayType);
    for (const auto& [name, parameter] : parts_.common("parameters").GetObject()) {
      const std::string_view place = parameter["in"].GetString();
      const bool in_path = place == "path" && route.pattern.contains("{" + std::string(name.GetString()) + "}");
      const bool of_work = parameter.HasMember("x-of-work");
      if (in_path || (place == "header" && (!of_work || IsWork(from))))
        Push(parameters, Reference("#/components/parameters/" + std::string(name.GetString())));
    }
    const Value* more = Find(from, "parameters");
    if (more == nullptr) return parameters;
    for (const Value& parameter : more->GetArray()) Push(parameters, Copy(parameter));
    return parameters;
  }

  // Whether a model runs for it.
  static bool IsWork(const Value& from) {
    const Value* answer = Find(from["answers"], "200");
    return answer != nullptr && Find(*answer, "timed") != nullptr;
  }

  // {"TYPE": {"schema":…,"example":…}} of what a part says of a body.
  Value Content(const Value& from) {
    Value media(rapidjson::kObjectType);
    Add(media, "schema", Copy(from["schema"]));
    if (const Value* example = Find(from, "example")) Add(media, "example", Copy(*example));
    Value content(rapidjson::kObjectType);
    const Value* type = Find(from, "type");
    Add(content, type != nullptr ? type->GetString() : "application/json", std::move(media));
    if (Find(from, "binary") != nullptr) Add(content, "application/octet-stream", Value(rapidjson::kObjectType));
    return content;
  }

  Value Body(const Value& from) {
    Value body(rapidjson::kObjectType);
    const Value* required = Find(from, "required");
    Add(body, "required", Value(required == nullptr || required->GetBool()));
    Add(body, "content", Content(from));
    return body;
  }

  Value Headers(const Value& answer) {
    Value headers(rapidjson::kObjectType);
    std::vector<std::string_view> names = {"X-Request-Id", "traceparent"};
    if (Find(answer, "timed") != nullptr) names.emplace_back("Server-Timing");
    for (const std::string_view name : names)
      Add(headers, name, Reference("#/components/headers/" + std::string(name)));
    if (const Value* own = Find(answer, "headers")) {
      for (const auto& [name, header] : own->GetObject()) Add(headers, name.GetString(), Copy(header));
    }
    return headers;
  }

  Value Responses(const Route& route, const Value& from) {
    Value responses(rapidjson::kObjectType);
    for (const auto& [status, answer] : from["answers"].GetObject()) {
      Value response(rapidjson::kObjectType);
      const Value* description = Find(answer, "description");
      Add(response, "description", description != nullptr ? Copy(*description) : Text("Done."));
      Add(response, "headers", Headers(answer));
      if (Find(answer, "schema") != nullptr) Add(response, "content", Content(answer));
      Add(responses, status.GetString(), std::move(response));
    }
    for (const std::string& status : Errors(route, from)) {
      if (!responses.HasMember(status.c_str())) Add(responses, status, Failure(route.errors, status));
    }
    return responses;
  }

  // What any such request may be answered with, and what the part adds.
  std::set<std::string> Errors(const Route& route, const Value& from) const {
    std::set<std::string> errors = {"400", "431", "500"};
    if (route.errors == ErrorShape::kSentiment) errors.insert("422");
    if (facts_.asks_keys && !route.is_open) errors.insert({"401", "403", "429"});
    if (route.method != "GET") errors.insert({"413", "415", "503"});
    if (const Value* more = Find(from, "errors")) {
      for (const Value& status : more->GetArray()) errors.insert(status.GetString());
    }
    return errors;
  }

  // A reference to the one answer of this shape and status.
  Value Failure(ErrorShape shape, const std::string& status) {
    std::string name = std::string(ErrorSchema(shape)) + status;
    if (!failures_.contains(name)) failures_.emplace(name, WholeFailure(shape, status));
    return Reference("#/components/responses/" + name);
  }

  Value WholeFailure(ErrorShape shape, const std::string& status) {
    Value response(rapidjson::kObjectType);
    Add(response, "description", Copy(parts_.common("errors")[status.c_str()]));
    Value headers(rapidjson::kObjectType);
    std::vector<std::string_view> names = {"X-Request-Id", "traceparent"};
    if (status == "429" || status == "503") names.emplace_back("Retry-After");
    if (status == "429") names.insert(names.end(), {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"});
    for (const std::string_view name : names)
      Add(headers, name, Reference("#/components/headers/" + std::string(name)));
    Add(response, "headers", std::move(headers));
    Value media(rapidjson::kObjectType);
    Add(media, "schema", Reference(std::string(kSchemas) + std::string(ErrorSchema(shape))));
    Value content(rapidjson::kObjectType);
    Add(content, "application/json", std::move(media));
    Add(response, "content", std::move(content));
    return response;
  }

  // Either way of showing a key.
  Value Security() {
    Value ways(rapidjson::kArrayType);
    for (const auto& [name, scheme] : parts_.common("security").GetObject()) {
      Value way(rapidjson::kObjectType);
      Add(way, name.GetString(), Value(rapidjson::kArrayType));
      Push(ways, std::move(way));
    }
    return ways;
  }

  Value Components() {
    Value components(rapidjson::kObjectType);
    Add(components, "parameters", Copy(parts_.common("parameters")));
    Add(components, "headers", Copy(parts_.common("headers")));
    Value responses(rapidjson::kObjectType);
    for (auto& [name, response] : failures_) Add(responses, name, std::move(response));
    Add(components, "responses", std::move(responses));
    if (facts_.asks_keys) Add(components, "securitySchemes", Copy(parts_.common("security")));
    Value schemas = Copy(parts_.common("schemas"));
    for (const Document& part : parts_.documents()) {
      for (const auto& [name, schema] : part["schemas"].GetObject()) {
        Add(schemas, name.GetString(), Whole(schema, part["schemas"]));
      }
    }
    Add(components, "schemas", std::move(schemas));
    return components;
  }

  // With the properties of the schema that "$include" names in the place of it.
  Value Whole(const Value& schema, const Value& schemas) {
    Value whole = Copy(schema);
    PutBounds(whole);
    const auto properties = whole.FindMember("properties");
    if (properties == whole.MemberEnd()) return whole;
    const auto include = properties->value.FindMember("$include");
    if (include == properties->value.MemberEnd()) return whole;
    const std::string name = include->value.GetString();
    properties->value.EraseMember(include);
    for (const auto& [key, property] : schemas[name.c_str()]["properties"].GetObject()) {
      Add(properties->value, key.GetString(), Copy(property));
    }
    return whole;
  }

  // Numbers in the place of the settings that are named.
  void PutBounds(Value& value) {
    if (value.IsArray()) {
      for (Value& item : value.GetArray()) PutBounds(item);
    } else if (value.IsObject()) {
      for (auto& [key, member] : value.GetObject()) PutBounds(member);
    } else if (value.IsString() && value.GetStringLength() > 0 && value.GetString()[0] == '$') {
      const auto bound = facts_.bounds.find(std::string_view(value.GetString()).substr(1));
      if (bound != facts_.bounds.end()) value.SetInt64(bound->second);
    }
  }

  const Parts& parts_;
  const Facts& facts_;
  Document document_;
  std::map<std::string, Value> failures_;  // by name, filled while the paths are made
};

}  // namespace

std::string MakeDocument(std::span<const Route> routes, const Facts& facts) { return Maker(facts).Make(routes); }

const EmbeddedFile* FindFile(std::string_view name) {
  const auto found = std::ranges::find(Files(), name, &EmbeddedFile::name);
  return found == Files().end() ? nullptr : &*found;
}

}  // namespace weir::openapi
