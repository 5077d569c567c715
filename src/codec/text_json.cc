#include "codec/text_json.h"

#include <fmt/format.h>

#include <boost/archive/iterators/base64_from_binary.hpp>
#include <boost/archive/iterators/transform_width.hpp>

#include <algorithm>
#include <array>
#include <limits>

#include "codec/json_reader.h"
#include "codec/json_writer.h"

namespace weir::codec {
namespace {

using FieldNames = std::vector<std::string>;

// Of both doors.
const FieldNames kTextFields = {"model",       "input",  "truncate",    "truncation_side", "overlap",
                                "window_pool", "prompt", "prompt_name", "on_error",        "priority"};

FieldNames With(FieldNames fields, const FieldNames& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

// What the items of `input` may be beside texts.
enum class Items { kTexts, kPairs, kTokens };

// The second text of an item is that of a pair; tokens stand for a text.
struct Item {
  std::string text = {};
  std::optional<std::string> pair = {};
  std::vector<std::uint32_t> tokens = {};
};

std::string_view MayBe(Items items) {
  switch (items) {
    case Items::kTexts: return "a string";
    case Items::kPairs: return "a string or a pair of strings";
    case Items::kTokens: return "a string or an array of token ids";
  }
  return "";
}

std::unexpected<Error> Wrong(JsonElement item, const std::string& path, Items items) {
  return InvalidArgument(fmt::format("'{}' must be {}, not {}", path, MayBe(items), JsonTypeName(item)), path);
}

Result<Item> ParseTokens(simdjson::dom::array array, const std::string& path) {
  Item item;
  item.tokens.reserve(array.size());
  for (const JsonElement element : array) {
    const std::optional<std::int64_t> id = WholeNumber(element);
    if (!id || *id < 0 || *id > std::numeric_limits<std::uint32_t>::max()) {
      return InvalidArgument(fmt::format("'{}' has something that is no token id at {}", path, item.tokens.size()),
                             path);
    }
    item.tokens.push_back(static_cast<std::uint32_t>(*id));
  }
  if (item.tokens.empty()) return InvalidArgument(fmt::format("'{}' has no tokens", path), path);
  return item;
}

Result<Item> ParsePairObject(JsonElement item, const std::string& path) {
  static const FieldNames kFields = {"text", "text_pair"};
  Result<JsonObject> object = JsonObject::From(item, path);
  if (!object) return Forward(object);
  Status only = object->OnlyKnown(kFields);
  if (!only) return Forward(only);
  Result<std::string> text = object->RequireString("text");
  if (!text) return Forward(text);
  Result<std::optional<std::string>> pair = object->FindString("text_pair");
  if (!pair) return Forward(pair);
  return Item{.text = std::move(*text), .pair = std::move(*pair)};
}

// "…"; of pairs ["…", "…"] or {"text": "…", "text_pair": "…"} too; of tokens [1, 2, 3].
Result<Item> ParseItem(JsonElement item, const std::string& path, Items items) {
  std::string_view text;
  if (!item.get(text)) return Item{.text = std::string(text)};
  if (items == Items::kPairs && item.is_object()) return ParsePairObject(item, path);
  simdjson::dom::array array;
  if (item.get(array)) return Wrong(item, path, items);
  if (items == Items::kTokens) return ParseTokens(array, path);
  std::string_view second;
  if (items != Items::kPairs || array.size() != 2) return Wrong(item, path, items);
  if (array.at(0).get(text) || array.at(1).get(second)) return Wrong(item, path, items);
  return Item{.text = std::string(text), .pair = std::string(second)};
}

void Append(Item item, TextRequest& request) {
  request.texts.push_back(std::move(item.text));
  if (item.pair) request.pairs.resize(request.texts.size());
  if (!request.pairs.empty()) {
    request.pairs.resize(request.texts.size());
    request.pairs.back() = std::move(item.pair);
  }
  if (!item.tokens.empty()) request.tokens.resize(request.texts.size());
  if (!request.tokens.empty()) {
    request.tokens.resize(request.texts.size());
    request.tokens.back() = std::move(item.tokens);
  }
}

// One item or a list of them. A list of two strings is two texts, never a pair; a list of numbers is one text's tokens.
Status ParseInput(const JsonObject& body, Items items, TextRequest& request) {
  Result<JsonElement> input = body.Require("input");
  if (!input) return Forward(input);
  simdjson::dom::array array;
  const bool is_list = !input->get(array);
  const bool is_tokens = items == Items::kTokens && is_list && array.size() > 0 && array.at(0).is_number();
  if (!is_list || is_tokens) {
    Result<Item> item = ParseItem(*input, "input", items);
    if (item) return Append(std::move(*item), request), Status();
    if (is_tokens || (input->is_object() && items == Items::kPairs)) return Forward(item);
    return InvalidArgument(fmt::format("'input' must be a string or an array of strings{}, not {}",
                                       items == Items::kPairs    ? " or pairs"
                                       : items == Items::kTokens ? " or tokens"
                                                                 : "",
                                       JsonTypeName(*input)),
                           "input");
  }
  if (array.size() == 0) return InvalidArgument("'input' has no texts", "input");
  if (array.size() > kMaxTexts) {
    return Fail(Code::kTooLarge, fmt::format("'input' has {} texts, the limit is {}", array.size(), kMaxTexts),
                "input");
  }
  request.texts.reserve(array.size());
  for (const JsonElement element : array) {
    Result<Item> item = ParseItem(element, Indexed("input", request.texts.size()), items);
    if (!item && request.on_error == OnError::kFail) return Forward(item);
    if (!item) request.unreadable.emplace(request.texts.size(), std::move(item.error()));
    Append(item ? std::move(*item) : Item(), request);
  }
  return {};
}

// A text that is one of `words`: its place among them.
Result<std::optional<std::size_t>> FindWord(const JsonObject& object, std::string_view key,
                                            std::span<const std::string_view> words) {
  const auto text = object.FindString(key);
  if (!text) return std::unexpected(text.error());
  if (!*text) return std::nullopt;
  const auto found = std::ranges::find(words, **text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  return InvalidArgument(fmt::format("'{}' must be \"{}\", not \"{}\"", key, fmt::join(words, "\" or \""), **text),
                         std::string(key));
}

// The fields of kTextFields but `input`.
Status ParseTextOptions(const JsonObject& object, TextRequest& request) {
  constexpr std::array<std::string_view, 2> kSides = {"left", "right"};
  constexpr std::array<std::string_view, 2> kPools = {"mean", "max"};
  constexpr std::array<std::string_view, 2> kOnError = {"fail", "partial"};
  const auto truncate = object.FindBool("truncate");
  if (!truncate) return std::unexpected(truncate.error());
  request.truncate = truncate->value_or(false);
  const auto side = FindWord(object, "truncation_side", kSides);
  if (!side) return std::unexpected(side.error());
  if (*side) request.truncation_side = **side == 0 ? Side::kLeft : Side::kRight;
  const auto overlap = object.FindInt("overlap", 0, 1'000'000);
  if (!overlap) return std::unexpected(overlap.error());
  if (*overlap) request.overlap = static_cast<std::size_t>(**overlap);
  const auto pool = FindWord(object, "window_pool", kPools);
  if (!pool) return std::unexpected(pool.error());
  if (*pool && !request.overlap) return InvalidArgument("'window_pool' needs 'overlap'", "window_pool");
  if (*side && !request.overlap && !request.truncate) {
    return InvalidArgument("'truncation_side' needs 'truncate' or 'overlap'", "truncation_side");
  }
  request.window_pool = *pool == 1U ? WindowPool::kMax : WindowPool::kMean;
  const auto on_error = FindWord(object, "on_error", kOnError);
  if (!on_error) return std::unexpected(on_error.error());
  request.on_error = *on_error == 1U ? OnError::kPartial : OnError::kFail;
  auto prompt = object.FindString("prompt");
  if (!prompt) return Forward(prompt);
  request.prompt = std::move(*prompt);
  auto name = object.FindString("prompt_name");
  if (!name) return Forward(name);
  request.prompt_name = std::move(*name);
  const auto priority = object.FindString("priority");
  if (!priority) return std::unexpected(priority.error());
  if (!*priority) return {};
  Result<Priority> parsed = ParsePriority(**priority);
  if (!parsed) return Forward(parsed);
  request.priority = *parsed;
  return {};
}

struct CommonFields {
  JsonObject object;
  std::optional<std::string> model;
  TextRequest request;
};

Result<CommonFields> ParseCommon(std::string_view body, const FieldNames& known, Items items) {
  Result<JsonObject> object = ParseJsonObject(body);
  if (!object) return Forward(object);
  Status status = object->OnlyKnown(known);
  if (!status) return Forward(status);
  CommonFields common{*object, std::nullopt, {}};
  auto model = object->FindString("model");
  if (!model) return Forward(model);
  common.model = std::move(*model);
  status = ParseTextOptions(*object, common.request);
  if (status) status = ParseInput(*object, items, common.request);
  if (!status) return Forward(status);
  return common;
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

// In the place of an answer.
void WriteItemError(JsonWriter& json, std::int64_t index, const Error& error) {
  json.Key("index").Int(index).Key("error").BeginObject();
  json.Key("index").Int(index).Key("message").String(error.message).Key("code").String(CodeName(error.code));
  json.EndObject();
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
  static const FieldNames kFields = With(kTextFields, {"encoding_format", "dimensions", "normalize", "user"});
  constexpr std::array<std::string_view, 2> kFormats = {"float", "base64"};
  auto common = ParseCommon(body, kFields, Items::kTokens);
  if (!common) return Forward(common);
  EmbeddingsBody parsed{.model = std::move(common->model), .request = std::move(common->request)};
  const auto format = FindWord(common->object, "encoding_format", kFormats);
  if (!format) return std::unexpected(format.error());
  if (*format == 1U) parsed.format = VectorFormat::kBase64;
  const auto dimensions = common->object.FindInt("dimensions", 1, 1'000'000);
  if (!dimensions) return std::unexpected(dimensions.error());
  parsed.request.dimensions = static_cast<std::size_t>(dimensions->value_or(0));
  // Taken, as OpenAI's clients send it; it changes nothing.
  if (const auto user = common->object.FindString("user"); !user) return std::unexpected(user.error());
  auto normalize = common->object.FindBool("normalize");
  if (!normalize) return Forward(normalize);
  parsed.request.normalize = *normalize;
  return parsed;
}

Result<ClassifyBody> ParseClassify(std::string_view body) {
  static const FieldNames kFields = With(kTextFields, {"top_k", "raw_scores"});
  auto common = ParseCommon(body, kFields, Items::kPairs);
  if (!common) return Forward(common);
  ClassifyBody parsed{.model = std::move(common->model), .request = std::move(common->request)};
  const auto top_k = common->object.FindInt("top_k", 1, 1'000'000);
  if (!top_k) return std::unexpected(top_k.error());
  parsed.request.top_k = static_cast<std::size_t>(top_k->value_or(0));
  const auto raw = common->object.FindBool("raw_scores");
  if (!raw) return std::unexpected(raw.error());
  parsed.request.raw_scores = raw->value_or(false);
  return parsed;
}

std::string WriteEmbeddings(const Embeddings& embeddings, VectorFormat format, const std::string& model) {
  JsonWriter json;
  json.BeginObject().Key("object").String("list").Key("data").BeginArray();
  for (std::size_t i = 0; i < embeddings.vectors.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    json.BeginObject().Key("object");
    if (const auto error = embeddings.errors.find(i); error != embeddings.errors.end()) {
      json.String("error");
      WriteItemError(json, index, error->second);
      json.EndObject();
      continue;
    }
    json.String("embedding").Key("index").Int(index).Key("embedding");
    if (format == VectorFormat::kBase64) {
      json.String(Base64(embeddings.vectors[i].As<float>()));
    } else {
      json.Elements(embeddings.vectors[i]);
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
  for (std::size_t i = 0; i < classifications.labels.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    json.BeginObject();
    if (const auto error = classifications.errors.find(i); error != classifications.errors.end()) {
      WriteItemError(json, index, error->second);
      json.EndObject();
      continue;
    }
    json.Key("index").Int(index).Key("labels").BeginArray();
    for (const ScoredLabel& scored : classifications.labels[i]) {
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
