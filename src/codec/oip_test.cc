#include "codec/oip.h"

namespace weir::codec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Manifest kModel = {.platform = "onnxruntime_onnx",
                         .inputs = {{"A", DataType::kFp32, {-1, 2}}, {"B", DataType::kInt8, {-1}}},
                         .outputs = {{"X", DataType::kFp32, {-1, 2}}, {"Y", DataType::kInt8, {-1}}},
                         .weight_bytes = 0};

std::string Body(const std::string& a,
                 const std::string& b = R"({"name":"B","shape":[1],"datatype":"INT8","data":[7]})") {
  return fmt::format(R"({{"id":"42","inputs":[{},{}]}})", a, b);
}
std::string A(const std::string& shape, const std::string& data) {
  return fmt::format(R"({{"name":"A","shape":{},"datatype":"FP32","data":{}}})", shape, data);
}

Result<InferBody> Parse(const std::string& json, const Manifest& manifest = kModel, std::string_view binary = {}) {
  return ParseInfer({json, binary}, nullptr, manifest);
}

Error Refusal(const std::string& body, const Manifest& manifest = kModel) {
  const auto parsed = Parse(body, manifest);
  EXPECT_FALSE(parsed) << body;
  return parsed ? Error{} : parsed.error();
}

std::vector<int> Indices(const InferBody& body) {
  std::vector<int> indices;
  for (const InferBody::AskedFor& asked : body.outputs) indices.push_back(asked.index);
  return indices;
}

TEST(ParseInfer, ReadsFlatAndNestedDataInAnyOrderOfInputs) {
  for (const char* data : {"[1, 2, 3, 4.5]", "[[1, 2], [3, 4.5]]"}) {
    const auto body = Parse(Body(A("[2, 2]", data)));
    ASSERT_TRUE(body) << body.error().message;
    EXPECT_THAT(body->inputs[0].As<float>(), ElementsAre(1, 2, 3, 4.5F));
    EXPECT_THAT(body->inputs[1].As<std::int8_t>(), ElementsAre(7));
    EXPECT_EQ(body->id, "42");
    EXPECT_THAT(Indices(*body), ElementsAre(0, 1));
  }
}

TEST(ParseInfer, ReadsOnlyTheOutputsThatAreAskedFor) {
  std::string body = Body(A("[1, 2]", "[1, 2]"));
  body.insert(body.size() - 1, R"(,"outputs":[{"name":"Y"}])");
  EXPECT_THAT(Indices(*Parse(body)), ElementsAre(1));
  EXPECT_THAT(Refusal(Body(A("[1, 2]", "[1, 2]")).insert(1, R"("outputs":[{"name":"Z"}],)")).message,
              HasSubstr("the model has no output 'Z' (did you mean 'X'?); it has X, Y"));
}

TEST(ParseInfer, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(Refusal("{}").field, "inputs");
  EXPECT_EQ(Refusal(R"({"inputs":{}})").message, "'inputs' must be an array, not an object");
  EXPECT_EQ(Refusal(R"({"inputs":[5]})").field, "inputs[0]");
  EXPECT_EQ(Refusal(Body(A("[1, 2]", "[1, 2]"), A("[1, 2]", "[1, 2]"))).message, "input 'A' is given twice");
  EXPECT_EQ(Refusal(Body(A("\"x\"", "[1]"))).field, "inputs[0].shape");
  EXPECT_EQ(Refusal(R"({"inputs":[{"name":"A","shape":[1,2],"datatype":"FP32","data":[1,2]}]})").message,
            "input 'B' is missing");
  EXPECT_EQ(Refusal(R"({"inputs":[{"name":"A","shape":[1,2],"datatype":"INT8","data":[1,2]}]})").message,
            "input 'A' has datatype INT8, the model takes FP32");
}

TEST(ParseInfer, RefusesDataThatDoesNotFitTheShape) {
  EXPECT_THAT(Refusal(Body(A("[2, 2]", "[1, 2, 3]"))).message, HasSubstr("has 3 values, shape [2, 2] has 4"));
  EXPECT_THAT(Refusal(Body(A("[1, 2]", "[1, 2, 3]"))).message, HasSubstr("more values than the 2"));
  EXPECT_THAT(Refusal(Body(A("[2, 2]", "[[1, 2, 3], [4]]"))).message, HasSubstr("nested otherwise than shape [2, 2]"));
  EXPECT_THAT(Refusal(Body(A("[2, 2]", "[[[1, 2], [3, 4]]]"))).message, HasSubstr("nested otherwise"));
  EXPECT_THAT(Refusal(Body(A("[2, 2]", "[[1, 2], 3]"))).message, HasSubstr("nested otherwise"));
  EXPECT_THAT(Refusal(Body(A("[2, 2]", "[1, 2, \"x\", 4]"))).message,
              HasSubstr("value 2 is not a number in the range of FP32"));
}

TEST(ParseInfer, RefusesShapesThatNobodyCanMean) {
  for (const char* shape : {"[-1, 2]", "[9223372036854775807, 2]", "[9223372036854775808, 2]", "[1.5, 2]", "[2]",
                            "[1, 3]", "[1, 2, 1]", "[4611686018427387904, 2]", "[1000000000, 2]"}) {
    EXPECT_EQ(Refusal(Body(A(shape, "[1, 2]"))).code, Code::kInvalidArgument) << shape;
  }
}

TEST(ParseInfer, RefusesNumbersOutsideTheirType) {
  const auto with_b = [](const char* value) {
    return Body(A("[1, 2]", "[1, 2]"),
                fmt::format(R"({{"name":"B","shape":[1],"datatype":"INT8","data":[{}]}})", value));
  };
  EXPECT_TRUE(Parse(with_b("-128")));
  for (const char* value : {"128", "-129", "1.5", "true", "null", "9223372036854775808"}) {
    EXPECT_THAT(Refusal(with_b(value)).message, HasSubstr("in the range of INT8")) << value;
  }
  EXPECT_EQ(Refusal(Body(A("[1, 2]", "[1e39, 0]"))).field, "inputs[0].data");
}

TEST(ParseInfer, TakesAnEmptyTensor) {
  const auto body = Parse(Body(A("[0, 2]", "[]")));
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->inputs[0].elements(), 0U);
}

TEST(WriteInfer, WritesTheRequestedOutputsAndTheId) {
  Tensor x = Tensor::Uninitialised(DataType::kFp32, {1, 2});
  x.Mutable<float>()[0] = 0.1F;
  x.Mutable<float>()[1] = std::numeric_limits<float>::infinity();
  const InferBody request{.id = "7", .inputs = {}, .outputs = {{0}}};
  EXPECT_EQ(WriteInfer("m", "1", request, kModel, {x, Tensor()}).body,
            R"({"model_name":"m","model_version":"1","id":"7","outputs":[{"name":"X","datatype":"FP32",)"
            R"("shape":[1,2],"data":[0.1,null]}]})");
}

std::string Binary(const std::string& a, const std::string& b, const std::string& more = "") {
  const auto input = [](const char* name, const char* type, const std::string& shape_and_size) {
    return fmt::format(R"({{"name":"{}","datatype":"{}",{}}})", name, type, shape_and_size);
  };
  return fmt::format(R"({{{}"inputs":[{},{}]}})", more, input("A", "FP32", a), input("B", "INT8", b));
}

TEST(SplitInfer, TakesABodyApartWhereTheHeaderSays) {
  EXPECT_EQ(SplitInfer("{}abc", "")->json, "{}abc");
  const auto parts = SplitInfer("{}abc", "2");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->json, "{}");
  EXPECT_EQ(parts->binary, "abc");
  EXPECT_EQ(SplitInfer("{}", "2")->binary, "");
  for (const char* wrong : {"3", "-1", "99999999999", "99999999999999999999999", "2x", "x", " 2", "0x2", "1.5"}) {
    EXPECT_THAT(SplitInfer("{}", wrong).error().message, HasSubstr("Inference-Header-Content-Length")) << wrong;
  }
}

TEST(ParseInfer, TakesBinaryDataInTheOrderOfTheInputs) {
  alignas(8) static constexpr std::array<char, 11> kData = {0, 0, '\x80', 0x3F, 0, 0, 0, 0x40, 1, 2, 3};  // 1, 2; 1 2 3
  const std::string json = Binary(R"("shape":[1,2],"parameters":{"binary_data_size":8})",
                                  R"("shape":[3],"parameters":{"binary_data_size":3})");
  const auto owner = std::make_shared<int>(0);
  const auto body = ParseInfer({json, {kData.data(), kData.size()}}, owner, kModel);
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_THAT(body->inputs[0].As<float>(), ElementsAre(1, 2));
  EXPECT_THAT(body->inputs[1].As<std::int8_t>(), ElementsAre(1, 2, 3));
  EXPECT_EQ(static_cast<const void*>(body->inputs[0].data()), kData.data());  // not copied
  EXPECT_EQ(owner.use_count(), 3);
  const std::string odd = "x" + std::string(kData.data(), kData.size());
  const auto copied = ParseInfer({json, std::string_view(odd).substr(1)}, owner, kModel);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_THAT(copied->inputs[0].As<float>(), ElementsAre(1, 2));
}

TEST(ParseInfer, MixesJsonAndBinaryData) {
  const auto body = Parse(Binary(R"("shape":[1,2],"data":[1,2])", R"("shape":[2],"parameters":{"binary_data_size":2})"),
                          kModel, "\x05\x06");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_THAT(body->inputs[0].As<float>(), ElementsAre(1, 2));
  EXPECT_THAT(body->inputs[1].As<std::int8_t>(), ElementsAre(5, 6));
}

TEST(ParseInfer, RefusesBinaryDataThatDoNotFit) {
  const auto refusal = [](const std::string& b, std::string_view binary) {
    const auto parsed = Parse(Binary(R"("shape":[1,2],"data":[1,2])", b), kModel, binary);
    return parsed ? "taken" : parsed.error().message;
  };
  EXPECT_THAT(refusal(R"("shape":[2],"parameters":{"binary_data_size":3})", "abc"), HasSubstr("shape [2]"));
  EXPECT_THAT(refusal(R"("shape":[3],"parameters":{"binary_data_size":3})", "ab"), HasSubstr("only 2 bytes"));
  EXPECT_THAT(refusal(R"("shape":[2],"parameters":{"binary_data_size":2})", "abc"),
              HasSubstr("1 bytes of binary data"));
  EXPECT_THAT(refusal(R"("shape":[2],"parameters":{"binary_data_size":-1})", ""), HasSubstr("binary_data_size"));
  EXPECT_THAT(refusal(R"("shape":[9223372036854775807],"parameters":{"binary_data_size":2})", "ab"),
              HasSubstr("shape"));
  EXPECT_THAT(refusal(R"("shape":[1],"data":[1],"parameters":{"binary_data_size":1})", "a"), HasSubstr("exclude"));
  EXPECT_THAT(refusal(R"("shape":[1],"parameters":{"binary_data_size":"1"})", "a"), HasSubstr("binary_data_size"));
  EXPECT_THAT(refusal(R"("shape":[1],"parameters":[])", "a"), HasSubstr("parameters"));
  EXPECT_THAT(refusal(R"("shape":[1],"data":[1])", "a"), HasSubstr("belong to no input"));
  const Manifest flags = {.platform = "p", .inputs = {{"F", DataType::kBool, {-1}}}, .outputs = {}, .weight_bytes = 0};
  const std::string json =
      R"({"inputs":[{"name":"F","shape":[1],"datatype":"BOOL","parameters":{"binary_data_size":1}}]})";
  EXPECT_TRUE(Parse(json, flags, "\x01"));
  EXPECT_THAT(Parse(json, flags, "\x02").error().message, HasSubstr("neither 0 nor 1"));
}

TEST(WriteInfer, PutsBinaryDataBehindTheJson) {
  Tensor y = Tensor::Uninitialised(DataType::kInt8, {2});
  y.Mutable<std::int8_t>()[0] = 'a';
  y.Mutable<std::int8_t>()[1] = 'b';
  const std::string head =
      R"({"model_name":"m","model_version":"1","outputs":[{"name":"Y","datatype":"INT8","shape":[2],)";
  const InferAnswer answer = WriteInfer("m", "1", {.id = "", .inputs = {}, .outputs = {{1, true}}}, kModel, {{}, y});
  EXPECT_EQ(answer.body, head + R"("parameters":{"binary_data_size":2}}]}ab)");
  EXPECT_EQ(answer.json_length, answer.body.size() - 2);
  const InferAnswer mixed =
      WriteInfer("m", "1", {.id = "", .inputs = {}, .outputs = {{1, false}, {1, true}}}, kModel, {{}, y});
  EXPECT_THAT(mixed.body, ::testing::EndsWith("}ab"));
  EXPECT_THAT(mixed.body, HasSubstr(R"("data":[97,98])"));
  EXPECT_EQ(WriteInfer("m", "1", {.id = "", .inputs = {}, .outputs = {{1}}}, kModel, {{}, y}).json_length, 0U);
}

TEST(ParseInfer, ReadsWhichOutputsAreToBeBinary) {
  const auto binary = [](const std::string& more) {
    const auto body = Parse(Binary(R"("shape":[1,2],"data":[1,2])", R"("shape":[1],"data":[1])", more));
    EXPECT_TRUE(body) << body.error().message;
    std::string found;
    for (const InferBody::AskedFor& asked : body->outputs) found += asked.binary ? 'b' : 'j';
    return found;
  };
  EXPECT_EQ(binary(""), "jj");
  EXPECT_EQ(binary(R"("parameters":{"binary_data_output":true},)"), "bb");
  EXPECT_EQ(binary(R"("parameters":{"binary_data_output":true},"outputs":[{"name":"Y"},{"name":"X","parameters":)"
                   R"({"binary_data":false}}],)"),
            "bj");
  EXPECT_EQ(binary(R"("outputs":[{"name":"Y","parameters":{"binary_data":true}},{"name":"X"}],)"), "bj");
}

TEST(WriteModelMetadata, ShowsTheInterface) {
  const std::string json = WriteModelMetadata("m", {"1"}, kModel);
  EXPECT_THAT(json, HasSubstr(R"("inputs":[{"name":"A","datatype":"FP32","shape":[-1,2]})"));
  EXPECT_THAT(json, HasSubstr(R"("platform":"onnxruntime_onnx")"));
}

}  // namespace
}  // namespace weir::codec
