#include "load/doors.h"

#include "model/half.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "load/endpoint.h"

namespace weir::load {
namespace {

TEST(Endpoint, TakesUrlsWithAndWithoutSchemePortAndPath) {
  const Endpoint whole = *Endpoint::Parse("http://example.org:8000/v1/embeddings?x=1");
  EXPECT_EQ(whole.host, "example.org");
  EXPECT_EQ(whole.port, 8000);
  EXPECT_EQ(whole.path, "/v1/embeddings?x=1");
  EXPECT_EQ(whole.Authority(), "example.org:8000");
  const Endpoint bare = *Endpoint::Parse("localhost:80/");
  EXPECT_EQ(bare.host, "localhost");
  EXPECT_EQ(bare.path, "");
  EXPECT_EQ(Endpoint::Parse("http://host")->port, 80);
  const Endpoint v6 = *Endpoint::Parse("http://[::1]:9000");
  EXPECT_EQ(v6.host, "::1");
  EXPECT_EQ(v6.port, 9000);
  EXPECT_EQ(v6.Authority(), "[::1]:9000");
}

TEST(Endpoint, RefusesWhatItCannotAsk) {
  for (const char* url :
       {"https://a", "ftp://a", "http://", "http://:80", "http://a:0", "http://a:x", "http://a:70000"}) {
    EXPECT_FALSE(Endpoint::Parse(url)) << url;
  }
  EXPECT_NE(Endpoint::Parse("https://a").error().message.find("TLS"), std::string::npos);
}

TEST(Doors, NamesAndTasksLeadToThem) {
  for (const char* name : {"embeddings", "classify", "infer"}) EXPECT_EQ(DoorName(*ParseDoor(name)), name);
  EXPECT_NE(ParseDoor("clasify").error().message.find("did you mean 'classify'"), std::string::npos);
  EXPECT_EQ(*DoorOfTask("embedding", "m"), Door::kEmbeddings);
  EXPECT_EQ(*DoorOfTask("tensor", "m"), Door::kInfer);
  EXPECT_NE(DoorOfTask("speech", "m").error().message.find("'speech'"), std::string::npos);
  EXPECT_EQ(PathOf(Door::kClassify, "m"), "/v1/classify");
  EXPECT_EQ(PathOf(Door::kInfer, "m"), "/v2/models/m/infer");
}

TEST(ChooseModel, TakesTheNamedOneOrTheOnlyOne) {
  const auto models = *ParseModelList(R"({"object":"list","data":[
      {"id":"a","task":"embedding","state":"ready"},{"id":"b","task":"classification"},{"id":"c","task":"embedding"}]})");
  ASSERT_EQ(models.size(), 3U);
  EXPECT_EQ(models[0].state, "ready");
  const Door classify = Door::kClassify;
  const Door embeddings = Door::kEmbeddings;
  const Door infer = Door::kInfer;
  EXPECT_EQ(ChooseModel(models, "c", nullptr)->name, "c");
  EXPECT_EQ(ChooseModel(models, "", &classify)->name, "b");
  EXPECT_EQ(ChooseModel({&models[0], 1}, "", nullptr)->name, "a");
  EXPECT_EQ(ChooseModel(models, "", nullptr).error().code, Code::kInvalidArgument);
  EXPECT_NE(ChooseModel(models, "", &embeddings).error().message.find("--model"), std::string::npos);
  EXPECT_NE(ChooseModel(models, "", &infer).error().message.find("infer"), std::string::npos);
  EXPECT_NE(ChooseModel(models, "d", nullptr).error().message.find("'d'"), std::string::npos);
}

TEST(ParseModelList, RefusesAnotherShape) {
  EXPECT_FALSE(ParseModelList("<html>"));
  EXPECT_FALSE(ParseModelList(R"({"models":[]})"));
  EXPECT_FALSE(ParseModelList(R"({"data":[{"name":"a"}]})"));
}

TEST(TextBody, IsAStringForOneAndAListForMore) {
  const std::vector<std::string> texts = {"a \"b\"", "c"};
  EXPECT_EQ(TextBody("m", std::span(texts).first(1), false), R"({"model":"m","input":"a \"b\""})");
  EXPECT_EQ(TextBody("m", texts, true), R"({"model":"m","input":["a \"b\"","c"],"truncate":true})");
}

constexpr std::string_view kMetadata = R"({"name":"m","inputs":[
    {"name":"X","datatype":"FP32","shape":[-1,3]},{"name":"N","datatype":"INT64","shape":[2]}],"outputs":[]})";

TEST(MakeInputs, FillsWhatTheModelAsksFor) {
  const auto specs = *ParseInputs(kMetadata);
  const auto inputs = *MakeInputs(specs, {}, 1);
  ASSERT_EQ(inputs.size(), 2U);
  EXPECT_EQ(inputs[0].shape(), (Shape{1, 3}));
  EXPECT_EQ(inputs[1].shape(), (Shape{2}));
  for (const float value : inputs[0].As<float>()) EXPECT_LE(std::abs(value), 1);
  for (const std::int64_t value : inputs[1].As<std::int64_t>()) EXPECT_TRUE(value >= 0 && value <= 9);
  const auto again = *MakeInputs(specs, {}, 1);
  EXPECT_TRUE(std::ranges::equal(inputs[0].As<float>(), again[0].As<float>()));
}

TEST(MakeInputs, TakesShapesByNameAndRefusesThoseThatDoNotFit) {
  const auto specs = *ParseInputs(kMetadata);
  Shapes shapes;
  ASSERT_TRUE(AddShape("X=5,3", shapes));
  EXPECT_EQ((*MakeInputs(specs, shapes, 1))[0].shape(), (Shape{5, 3}));
  EXPECT_FALSE(MakeInputs(specs, {{"X", {5, 4}}}, 1));
  EXPECT_FALSE(MakeInputs(specs, {{"X", {5}}}, 1));
  EXPECT_NE(MakeInputs(specs, {{"Y", {5, 3}}}, 1).error().message.find("'Y'"), std::string::npos);
  const std::vector<TensorSpec> half = {{"H", DataType::kFp16, {1}}};
  EXPECT_LE(std::abs(FromF16((*MakeInputs(half, {}, 1))[0].As<std::uint16_t>()[0])), 1.0F);
  const std::vector<TensorSpec> text = {{"T", DataType::kBytes, {1}}};
  EXPECT_FALSE((*MakeInputs(text, {}, 1))[0].As<std::string>()[0].empty());
}

TEST(AddShape, RefusesWhatIsNoList) {
  Shapes shapes;
  for (const char* text : {"", "x", "1,", ",1", "1,-2", "A=", "1;2"}) EXPECT_FALSE(AddShape(text, shapes)) << text;
  EXPECT_TRUE(shapes.empty());
  ASSERT_TRUE(AddShape("4", shapes));
  EXPECT_EQ(shapes.at(""), (Shape{4}));
}

TEST(InferBody, IsAnInferRequest) {
  const std::vector<TensorSpec> specs = {{"B", DataType::kBool, {2}}};
  const auto inputs = *MakeInputs(specs, {}, 3);
  const std::string body = *InferBody(specs, inputs);
  EXPECT_EQ(body.find(R"({"inputs":[{"name":"B","datatype":"BOOL","shape":[2],"data":[)"), 0U) << body;
}

TEST(InferBody, CarriesATimeOutInMicroseconds) {
  const std::vector<TensorSpec> specs = {{"X", DataType::kInt64, {1}}};
  const auto inputs = MakeInputs(specs, {}, 1);
  ASSERT_TRUE(inputs);
  const auto body = InferBody(specs, *inputs, std::chrono::milliseconds(500));
  ASSERT_TRUE(body);
  EXPECT_NE(body->find(R"("parameters":{"timeout":500000})"), std::string::npos) << *body;
  EXPECT_EQ(InferBody(specs, *inputs)->find("parameters"), std::string::npos);
}

TEST(ModelIndex, IsThatOfTheOpenInferenceProtocol) {
  const auto models = ParseModelIndex(R"([{"name":"a","version":"1","state":"READY"},{"name":"b"}])");
  ASSERT_TRUE(models) << models.error().message;
  ASSERT_EQ(models->size(), 2);
  EXPECT_EQ((*models)[0].name, "a");
  EXPECT_EQ((*models)[0].state, "ready");
  EXPECT_EQ((*models)[1].state, "");
  EXPECT_EQ(*DoorOfTask((*models)[0].task, "a"), Door::kInfer);
  EXPECT_FALSE(ParseModelIndex(R"({"name":"a"})"));
  EXPECT_FALSE(ParseModelIndex(R"([{"version":"1"}])"));
}

}  // namespace
}  // namespace weir::load
