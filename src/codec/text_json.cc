#include "codec/text_json.h"

#include <fmt/format.h>

#include <boost/archive/iterators/base64_from_binary.hpp>
#include <boost/archive/iterators/transform_width.hpp>

#include <algorithm>
#include <array>

#include "codec/json_reader.h"
#include "codec/json_writer.h"

namespace weir::codec {
namespace {

const std::array<std::string, 6> kEmbeddingsFields = {"model",      "input", "encoding_format",
                                                      "dimensions", "user",  "truncate"};
const std::array<std::string, 4> kClassifyFields = {"model", "input", "top_k", "truncate"};

// "…" or ["…", …].
Result<std::vector<std::string>> ParseInput(const JsonObject& body) {
  Result<JsonElement> input = body.Require("input");
  if (!input) return Forward(input);
  std::string_view text;
  if (!input->get(text)) return std::vector<std::string>{std::string(text)};
  simdjson::dom::array array;
  if (input->get(array)) {
    return InvalidArgument(fmt::format("'input' must be a string or an array of strings, not {}", JsonTypeName(*input)),
                           "input");
  }
  if (array.size() == 0) return InvalidArgument("'input' has no texts", "input");
  if (array.size() > kMaxTexts) {
    return Fail(Code::kTooLarge, fmt::format("'input' has {} texts, the limit is {}", array.size(), kMaxTexts),
                "input");
  }
  std::vector<std::string> texts;
  texts.reserve(array.size());
  for (const JsonElement item : array) {
    if (item.get(text)) {
      const std::string path = fmt::format("input[{}]", texts.size());
      return InvalidArgument(fmt::format("'{}' must be a string, not {}", path, JsonTypeName(item)), path);
    }
    texts.emplace_back(text);
  }
  return texts;
}

struct CommonFields {
  JsonObject object;
  std::optional<std::string> model;
  std::vector<std::string> texts;
  bool truncate = false;
};

Result<CommonFields> ParseCommon(std::string_view body, std::span<const std::string> known) {
  Result<JsonElement> root = ParseJson(body);
  if (!root) return Forward(root);
  Result<JsonObject> object = JsonObject::From(*root);
  if (!object) return Forward(object);
  Status only = object->OnlyKnown(known);
  if (!only) return Forward(only);
  auto model = object->FindString("model");
  if (!model) return Forward(model);
  auto truncate = object->FindBool("truncate");
  if (!truncate) return Forward(truncate);
  auto texts = ParseInput(*object);
  if (!texts) return Forward(texts);
  return CommonFields{*object, std::move(*model), std::move(*texts), truncate->value_or(false)};
}

std::string Base64(std::span<const float> values) {
  using boost::archive::iterators::base64_from_binary;
  using boost::archive::iterators::transform_width;
  using Encode = base64_from_binary<transform_width<const char*, 6, 8>>;
  const auto* bytes = reinterpret_cast<const char*>(values.data());
  std::string text(Encode(bytes), Encode(bytes + values.size_bytes()));
  text.append((3 - values.size_bytes() % 3) % 3, '=');
  return text;
}

// The first `dimensions` values, scaled to length 1.
Tensor Shortened(const Tensor& vector, std::size_t dimensions) {
  Tensor cut = Tensor::Uninitialised(DataType::kFp32, {static_cast<std::int64_t>(dimensions)});
  std::ranges::copy(vector.As<float>().first(dimensions), cut.Mutable<float>().begin());
  NormalizeL2(cut.Mutable<float>());
  return cut;
}

void WriteUsage(JsonWriter& json, const TextUsage& usage) {
  const auto tokens = static_cast<std::int64_t>(usage.tokens);
  json.Key("usage").BeginObject();
  json.Key("prompt_tokens").Int(tokens).Key("total_tokens").Int(tokens).EndObject();
}

void WriteModelObject(JsonWriter& json, const ModelStatus& model, std::int64_t created) {
  json.BeginObject().Key("id").String(model.name).Key("object").String("model");
  json.Key("created").Int(created).Key("owned_by").String("weir");
  json.Key("state").String(ModelStateName(model.state));
  if (!model.task.empty()) json.Key("task").String(model.task);
  if (!model.reason.empty()) json.Key("reason").String(model.reason);
  json.EndObject();
}

}  // namespace

Result<EmbeddingsBody> ParseEmbeddings(std::string_view body) {
  auto common = ParseCommon(body, kEmbeddingsFields);
  if (!common) return Forward(common);
  EmbeddingsBody request{
      .model = std::move(common->model), .texts = std::move(common->texts), .truncate = common->truncate};
  auto format = common->object.FindString("encoding_format");
  if (!format) return Forward(format);
  if (*format && **format != "float" && **format != "base64") {
    return InvalidArgument(fmt::format("'encoding_format' must be \"float\" or \"base64\", not \"{}\"", **format),
                           "encoding_format");
  }
  request.base64 = *format && **format == "base64";
  auto dimensions = common->object.FindInt("dimensions", 1, 1'000'000);
  if (!dimensions) return Forward(dimensions);
  request.dimensions = static_cast<std::size_t>(dimensions->value_or(0));
  return request;
}

Result<ClassifyBody> ParseClassify(std::string_view body) {
  auto common = ParseCommon(body, kClassifyFields);
  if (!common) return Forward(common);
  auto top_k = common->object.FindInt("top_k", 1, 1'000'000);
  if (!top_k) return Forward(top_k);
  return ClassifyBody{.model = std::move(common->model),
                      .texts = std::move(common->texts),
                      .top_k = static_cast<std::size_t>(top_k->value_or(0)),
                      .truncate = common->truncate};
}

Result<std::string> WriteEmbeddings(const Embeddings& embeddings, const EmbeddingsBody& request,
                                    const std::string& model) {
  JsonWriter json;
  json.BeginObject().Key("object").String("list").Key("data").BeginArray();
  std::int64_t index = 0;
  for (const Tensor& full : embeddings.vectors) {
    if (request.dimensions > full.elements()) {
      return InvalidArgument(
          fmt::format("'dimensions' is {}, the model's vectors have {}", request.dimensions, full.elements()),
          "dimensions");
    }
    const Tensor vector = request.dimensions == 0 ? full : Shortened(full, request.dimensions);
    json.BeginObject().Key("object").String("embedding").Key("index").Int(index++).Key("embedding");
    if (request.base64) {
      json.String(Base64(vector.As<float>()));
    } else {
      json.Elements(vector);
    }
    json.EndObject();
  }
  json.EndArray().Key("model").String(model);
  WriteUsage(json, embeddings.usage);
  json.EndObject();
  return json.Take();
}

std::string WriteClassifications(const Classifications& classifications, const std::string& model) {
  JsonWriter json;
  json.BeginObject().Key("model").String(model).Key("data").BeginArray();
  std::int64_t index = 0;
  for (const std::vector<ScoredLabel>& labels : classifications.labels) {
    json.BeginObject().Key("index").Int(index++).Key("labels").BeginArray();
    for (const ScoredLabel& scored : labels) {
      json.BeginObject().Key("label").String(scored.label).Key("score").Float(scored.score).EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray();
  WriteUsage(json, classifications.usage);
  json.EndObject();
  return json.Take();
}

std::string WriteModels(const std::vector<ModelStatus>& models, std::int64_t created) {
  JsonWriter json;
  json.BeginObject().Key("object").String("list").Key("data").BeginArray();
  for (const ModelStatus& model : models) WriteModelObject(json, model, created);
  json.EndArray().EndObject();
  return json.Take();
}

std::string WriteModel(const ModelStatus& model, std::int64_t created) {
  JsonWriter json;
  WriteModelObject(json, model, created);
  return json.Take();
}

}  // namespace weir::codec
