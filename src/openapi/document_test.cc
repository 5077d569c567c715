#include "openapi/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <array>

namespace weir::openapi {
namespace {

// Valid until the next one is made.
simdjson::dom::element Made(std::span<const Route> routes, const Facts& facts = {}) {
  static simdjson::dom::parser parser;
  return parser.parse(MakeDocument(routes, facts)).value();
}

bool Has(simdjson::dom::element parent, std::string_view key) { return parent[key].error() == simdjson::SUCCESS; }
std::string_view TextAt(simdjson::dom::element document, std::string_view pointer) {
  return document.at_pointer(pointer).get_string().value();
}

TEST(OpenApi, DescribesTheRoutesThatThereAreAndNoOthers) {
  const std::array routes = {Route{.method = "GET", .pattern = "/livez"},
                             Route{.method = "GET", .pattern = "/of/nobody"}};
  const auto document = Made(routes);
  EXPECT_EQ(document["paths"].get_object().value().size(), 1U);
  EXPECT_EQ(TextAt(document, "/paths/~1livez/get/operationId"), "GET__livez");
}

TEST(OpenApi, PutsTheMethodsOfAPathTogether) {
  const std::array routes = {Route{.method = "GET", .pattern = "/v2/logging", .errors = ErrorShape::kInference},
                             Route{.method = "GET", .pattern = "/livez"},
                             Route{.method = "POST", .pattern = "/v2/logging", .errors = ErrorShape::kInference}};
  const auto path = Made(routes)["paths"]["/v2/logging"].value();
  EXPECT_TRUE(Has(path, "get") && Has(path, "post"));
}

TEST(OpenApi, TakesTheFirstOfTwoRoutesWithOnePath) {
  const std::array routes = {Route{.method = "GET", .pattern = "/metrics", .errors = ErrorShape::kSentiment},
                             Route{.method = "GET", .pattern = "/metrics"}};
  EXPECT_EQ(TextAt(Made(routes), "/paths/~1metrics/get/tags/0"), "Sentiment service");
}

TEST(OpenApi, NamesTheKeysOfRoutesThatWantThem) {
  const std::array routes = {Route{.method = "GET", .pattern = "/v1/models"},
                             Route{.method = "GET", .pattern = "/livez", .is_open = true}};
  EXPECT_FALSE(Has(Made(routes)["paths"]["/v1/models"]["get"].value(), "security"));
  const auto document = Made(routes, {.asks_keys = true});
  const auto models = document["paths"]["/v1/models"]["get"].value();
  EXPECT_EQ(models["security"].get_array().value().size(), 2U);
  EXPECT_TRUE(Has(models["responses"].value(), "401"));
  EXPECT_FALSE(Has(document["paths"]["/livez"]["get"].value(), "security"));
}

TEST(OpenApi, PutsTheServersBoundsIntoTheSchemas) {
  const auto document = Made({}, {.bounds = {{"deadline.max", 1234}}});
  const auto bound = document.at_pointer("/components/schemas/ModelSettings/properties/deadline_ms/maximum");
  EXPECT_EQ(bound.get_int64().value(), 1234);
}

TEST(OpenApi, WritesEachSchemaWithThePropertiesThatItShares) {
  const auto request = Made({}).at_pointer("/components/schemas/EmbeddingsRequest/properties").value();
  EXPECT_TRUE(Has(request, "truncate"));
  EXPECT_FALSE(Has(request, "$include"));
}

}  // namespace
}  // namespace weir::openapi
