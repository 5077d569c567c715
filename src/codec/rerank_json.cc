#include "codec/rerank_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "codec/json_reader.h"
#include "codec/json_writer.h"

namespace weir::codec {
namespace {

const std::vector<std::string> kFields = {"model",    "query",       "documents",           "texts",
                                          "top_n",    "return_text", "return_documents",    "raw_scores",
                                          "truncate", "user",        "truncation_direction"};

// "…" or {"text": "…"}.
Result<std::string> ParseText(JsonElement item, const std::string& path) {
  std::string_view text;
  if (!item.get(text)) return std::string(text);
  if (!item.is_object()) {
    return InvalidArgument(fmt::format("'{}' must be a string or {{\"text\": …}}, not {}", path, JsonTypeName(item)),
                           path);
  }
  Result<JsonObject> object = JsonObject::From(item, path);
  if (!object) return Forward(object);
  return object->RequireString("text");
}

Status ParseTexts(const JsonObject& object, const std::string& key, const std::string& query, RerankBody& body) {
  auto list = object.RequireArray(key);
  if (!list) return Forward(list);
  if (list->size() == 0) return InvalidArgument(fmt::format("'{}' has no texts", key), key);
  if (list->size() > kMaxTexts) {
    return Fail(Code::kTooLarge, fmt::format("'{}' has {} texts, the limit is {}", key, list->size(), kMaxTexts), key);
  }
  for (const JsonElement item : *list) {
    Result<std::string> text = ParseText(item, Indexed(key, body.texts.size()));
    if (!text) return Forward(text);
    if (IsBlank(*text)) {
      const std::string path = Indexed(key, body.texts.size());
      return InvalidArgument(fmt::format("'{}' is an empty text", path), path);
    }
    body.request.texts.push_back(query);
    body.request.pairs.emplace_back(*text);
    body.texts.push_back(std::move(*text));
  }
  return {};
}

// Where the tokens over the limit are cut; as the one shape names it.
Status ParseSide(const JsonObject& object, TextRequest& request) {
  const auto side = object.FindString("truncation_direction");
  if (!side) return std::unexpected(side.error());
  if (!*side) return {};
  if (**side != "left" && **side != "right" && **side != "Left" && **side != "Right") {
    return InvalidArgument(fmt::format("'truncation_direction' must be \"left\" or \"right\", not \"{}\"", **side),
                           "truncation_direction");
  }
  request.truncation_side = **side == "left" || **side == "Left" ? Side::kLeft : Side::kRight;
  return {};
}

Status ParseOptions(const JsonObject& object, RerankBody& body) {
  const auto most = object.FindInt("top_n", 1, 1'000'000);
  if (!most) return std::unexpected(most.error());
  body.most = static_cast<std::size_t>(most->value_or(0));
  const auto raw = object.FindBool("raw_scores");
  if (!raw) return std::unexpected(raw.error());
  body.request.raw_scores = raw->value_or(false);
  const auto truncate = object.FindBool("truncate");
  if (!truncate) return std::unexpected(truncate.error());
  body.request.truncate = truncate->value_or(false);
  const auto shown = object.FindBool(body.is_list ? "return_text" : "return_documents");
  if (!shown) return std::unexpected(shown.error());
  if (!shown->value_or(false)) body.texts.clear();
  if (const auto user = object.FindString("user"); !user) return std::unexpected(user.error());  // changes nothing
  return ParseSide(object, body.request);
}

}  // namespace

Result<RerankBody> ParseRerank(std::string_view text) {
  Result<JsonObject> object = ParseJsonObject(text);
  if (!object) return Forward(object);
  if (Status known = object->OnlyKnown(kFields); !known) return Forward(known);
  RerankBody body;
  auto model = object->FindString("model");
  if (!model) return Forward(model);
  body.model = std::move(*model);
  Result<std::string> query = object->RequireString("query");
  if (!query) return Forward(query);
  if (IsBlank(*query)) return InvalidArgument("'query' is an empty text", "query");
  const auto bare = object->Find("texts");
  if (!bare) return std::unexpected(bare.error());
  body.is_list = bare->has_value();
  const auto documents = object->Find("documents");
  if (documents && *documents && body.is_list) {
    return InvalidArgument("'documents' and 'texts' exclude each other", "texts");
  }
  Status status = ParseTexts(*object, body.is_list ? "texts" : "documents", *query, body);
  if (status) status = ParseOptions(*object, body);
  if (!status) return Forward(status);
  return body;
}

Result<std::string> WriteRerank(const RerankBody& asked, const Classifications& scores, const std::string& model,
                                const std::string& id) {
  const std::vector<std::vector<ScoredLabel>>& labels = scores.labels;
  if (labels.empty() || labels[0].size() != 1) {
    return InvalidArgument(fmt::format("model '{}' gives {} labels for a pair, not one score: it does not rerank",
                                       model, labels.empty() ? 0 : labels[0].size()),
                           "model");
  }
  std::vector<std::size_t> order(labels.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return std::pair(-labels[a][0].score, a) < std::pair(-labels[b][0].score, b);
  });
  if (asked.most > 0 && asked.most < order.size()) order.resize(asked.most);
  JsonWriter json;
  if (!asked.is_list) json.BeginObject().Key("id").String(id).Key("model").String(model).Key("results");
  json.BeginArray();
  for (const std::size_t index : order) {
    json.BeginObject().Key("index").Int(static_cast<std::int64_t>(index));
    json.Key(asked.is_list ? "score" : "relevance_score").Float(labels[index][0].score);
    if (!asked.texts.empty() && asked.is_list) json.Key("text").String(asked.texts[index]);
    if (!asked.texts.empty() && !asked.is_list) {
      json.Key("document").BeginObject().Key("text").String(asked.texts[index]).EndObject();
    }
    json.EndObject();
  }
  json.EndArray();
  if (asked.is_list) return json.Take();
  const auto tokens = static_cast<std::int64_t>(scores.usage.tokens);
  json.Key("usage").BeginObject().Key("prompt_tokens").Int(tokens).Key("total_tokens").Int(tokens).EndObject();
  return json.EndObject().Take();
}

}  // namespace weir::codec
