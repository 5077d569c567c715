#include "openapi/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <array>

namespace weir::openapi {
namespace {

rapidjson::Document Made(std::span<const Route> routes, const Facts& facts = {}) {
  rapidjson::Document document;
  document.Parse(MakeDocument(routes, facts).c_str());
  EXPECT_TRUE(document.IsObject());
  return document;
}

TEST(OpenApi, DescribesTheRoutesThatThereAreAndNoOthers) {
  const std::array routes = {Route{.method = "GET", .pattern = "/livez"},
                             Route{.method = "GET", .pattern = "/of/nobody"}};
  const rapidjson::Document document = Made(routes);
  EXPECT_EQ(document["paths"].MemberCount(), 1U);
  EXPECT_STREQ(document["paths"]["/livez"]["get"]["operationId"].GetString(), "GET__livez");
}

TEST(OpenApi, TakesTheFirstOfTwoRoutesWithOnePath) {
  const std::array routes = {Route{.method = "GET", .pattern = "/metrics", .errors = ErrorShape::kSentiment},
                             Route{.method = "GET", .pattern = "/metrics"}};
  const rapidjson::Document document = Made(routes);
  EXPECT_STREQ(document["paths"]["/metrics"]["get"]["tags"][0].GetString(), "Sentiment service");
}

TEST(OpenApi, NamesTheKeysOfRoutesThatWantThem) {
  const std::array routes = {Route{.method = "GET", .pattern = "/v1/models"},
                             Route{.method = "GET", .pattern = "/livez", .is_open = true}};
  EXPECT_FALSE(Made(routes)["paths"]["/v1/models"]["get"].HasMember("security"));
  const rapidjson::Document document = Made(routes, {.asks_keys = true});
  EXPECT_EQ(document["paths"]["/v1/models"]["get"]["security"].Size(), 2U);
  EXPECT_TRUE(document["paths"]["/v1/models"]["get"]["responses"].HasMember("401"));
  EXPECT_FALSE(document["paths"]["/livez"]["get"].HasMember("security"));
}

TEST(OpenApi, PutsTheServersBoundsIntoTheSchemas) {
  const rapidjson::Document document = Made({}, {.bounds = {{"deadline.max", 1234}}});
  const auto& settings = document["components"]["schemas"]["ModelSettings"]["properties"];
  EXPECT_EQ(settings["deadline_ms"]["maximum"].GetInt(), 1234);
}

TEST(OpenApi, WritesEachSchemaWithThePropertiesThatItShares) {
  const rapidjson::Document document = Made({});
  const auto& request = document["components"]["schemas"]["EmbeddingsRequest"]["properties"];
  EXPECT_TRUE(request.HasMember("truncate"));
  EXPECT_FALSE(request.HasMember("$include"));
}

}  // namespace
}  // namespace weir::openapi
