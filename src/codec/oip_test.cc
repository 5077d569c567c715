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

Result<InferBody> Parse(const std::string& json, std::string_view binary = {}) {
  return ParseInfer({json, binary}, nullptr);
}

Error Refusal(const std::string& body) {
  const auto parsed = Parse(body);
  EXPECT_FALSE(parsed) << body;
  return parsed ? Error{} : parsed.error();
}

std::vector<std::string> Names(const InferBody& body) {
  std::vector<std::string> names;
  for (const OutputAsk& ask : body.outputs) names.push_back(ask.name);
  return names;
}

TEST(ParseInfer, ReadsFlatAndNestedDataInAnyOrderOfInputs) {
  for (const char* data : {"[1, 2, 3, 4.5]", "[[1, 2], [3, 4.5]]"}) {
    const auto body = Parse(Body(A("[2, 2]", data)));
    ASSERT_TRUE(body) << body.error().message;
    EXPECT_THAT(body->inputs[0].tensor.As<float>(), ElementsAre(1, 2, 3, 4.5F));
    EXPECT_THAT(body->inputs[1].tensor.As<std::int8_t>(), ElementsAre(7));
    EXPECT_EQ(body->id, "42");
    EXPECT_EQ(body->inputs[1].name, "B");
    EXPECT_TRUE(body->outputs.empty());
  }
}

TEST(ParseInfer, ReadsOnlyTheOutputsThatAreAskedFor) {
  std::string body = Body(A("[1, 2]", "[1, 2]"));
  body.insert(body.size() - 1, R"(,"outputs":[{"name":"Y"}])");
  EXPECT_THAT(Names(*Parse(body)), ElementsAre("Y"));
}

TEST(ParseInfer, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(Refusal("{}").field, "inputs");
  EXPECT_EQ(Refusal(R"({"inputs":{}})").message, "'inputs' must be an array, not an object");
  EXPECT_EQ(Refusal(R"({"inputs":[5]})").field, "inputs[0]");
  EXPECT_EQ(Refusal(Body(A("\"x\"", "[1]"))).field, "inputs[0].shape");
  EXPECT_EQ(Refusal(R"({"inputs":[{"name":"A","shape":[1,2],"datatype":"FLOAT","data":[1,2]}]})").field,
            "inputs[0].datatype");
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
  for (const char* shape : {"[-1, 2]", "[9223372036854775807, 2]", "[9223372036854775808, 2]", "[1.5, 2]",
                            "[4611686018427387904, 2]", "[1000000000, 2]"}) {
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
  EXPECT_EQ(body->inputs[0].tensor.elements(), 0U);
}

TEST(WriteInfer, WritesTheRequestedOutputsAndTheId) {
  Tensor x = Tensor::Uninitialised(DataType::kFp32, {1, 2});
  x.Mutable<float>()[0] = 0.1F;
  x.Mutable<float>()[1] = std::numeric_limits<float>::infinity();
  const InferBody request{.id = "7"};
  EXPECT_EQ(WriteInfer("m", request, {.version = "1", .outputs = {{"X", x}}, .times = {}})->body,
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
  const auto body = ParseInfer({json, {kData.data(), kData.size()}}, owner);
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_THAT(body->inputs[0].tensor.As<float>(), ElementsAre(1, 2));
  EXPECT_THAT(body->inputs[1].tensor.As<std::int8_t>(), ElementsAre(1, 2, 3));
  EXPECT_EQ(static_cast<const void*>(body->inputs[0].tensor.data()), kData.data());  // not copied
  EXPECT_EQ(owner.use_count(), 3);
  const std::string odd = "x" + std::string(kData.data(), kData.size());
  const auto copied = ParseInfer({json, std::string_view(odd).substr(1)}, owner);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_THAT(copied->inputs[0].tensor.As<float>(), ElementsAre(1, 2));
}

TEST(ParseInfer, MixesJsonAndBinaryData) {
  const auto body =
      Parse(Binary(R"("shape":[1,2],"data":[1,2])", R"("shape":[2],"parameters":{"binary_data_size":2})"), "\x05\x06");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_THAT(body->inputs[0].tensor.As<float>(), ElementsAre(1, 2));
  EXPECT_THAT(body->inputs[1].tensor.As<std::int8_t>(), ElementsAre(5, 6));
}

TEST(ParseInfer, RefusesBinaryDataThatDoNotFit) {
  const auto refusal = [](const std::string& b, std::string_view binary) {
    const auto parsed = Parse(Binary(R"("shape":[1,2],"data":[1,2])", b), binary);
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
  const std::string json =
      R"({"inputs":[{"name":"F","shape":[1],"datatype":"BOOL","parameters":{"binary_data_size":1}}]})";
  EXPECT_TRUE(Parse(json, "\x01"));
  EXPECT_THAT(Parse(json, "\x02").error().message, HasSubstr("neither 0 nor 1"));
}

TEST(WriteInfer, PutsBinaryDataBehindTheJson) {
  Tensor y = Tensor::Uninitialised(DataType::kInt8, {2});
  y.Mutable<std::int8_t>()[0] = 'a';
  y.Mutable<std::int8_t>()[1] = 'b';
  const std::string head =
      R"({"model_name":"m","model_version":"1","outputs":[{"name":"Y","datatype":"INT8","shape":[2],)";
  const InferBody binary{.id = "", .inputs = {}, .outputs = {{"Y"}}, .binary = {true}};
  const InferText answer = *WriteInfer("m", binary, {.version = "1", .outputs = {{"Y", y}}, .times = {}});
  EXPECT_EQ(answer.body, head + R"("parameters":{"binary_data_size":2}}]}ab)");
  EXPECT_EQ(answer.json_length, answer.body.size() - 2);
  const InferBody both{.id = "", .inputs = {}, .outputs = {{"Y"}, {"Y"}}, .binary = {false, true}};
  const InferText mixed = *WriteInfer("m", both, {.version = "1", .outputs = {{"Y", y}, {"Y", y}}, .times = {}});
  EXPECT_THAT(mixed.body, ::testing::EndsWith("}ab"));
  EXPECT_THAT(mixed.body, HasSubstr(R"("data":[97,98])"));
  EXPECT_EQ(WriteInfer("m", {}, {.version = "1", .outputs = {{"Y", y}}, .times = {}})->json_length, 0U);
}

TEST(ParseInfer, ReadsNumbersOfSixteenBitsAndText) {
  const auto one = [](const std::string& type, const std::string& data) {
    return Parse(fmt::format(R"({{"inputs":[{{"name":"A","shape":[2],"datatype":"{}","data":{}}}]}})", type, data));
  };
  EXPECT_THAT(one("FP16", "[1, -5]")->inputs[0].tensor.As<std::uint16_t>(), ElementsAre(0x3C00, 0xC500));
  EXPECT_THAT(one("BF16", "[1, -5]")->inputs[0].tensor.As<std::uint16_t>(), ElementsAre(0x3F80, 0xC0A0));
  EXPECT_THAT(one("FP16", "[1, 70000]").error().message, HasSubstr("not a number in the range of FP16"));
  EXPECT_THAT(one("BYTES", R"(["", "a\u0000ü"])")->inputs[0].tensor.As<std::string>(),
              ElementsAre("", std::string("a\0ü", 4)));
  EXPECT_THAT(one("BYTES", "[\"a\", 1]").error().message, HasSubstr("value 1 is not a string"));
}

TEST(ParseInfer, ReadsBytesBehindTheirLengths) {
  using namespace std::string_literals;
  const auto parse = [](const std::string& data, const char* shape = "[2]") {
    return Parse(fmt::format(R"({{"inputs":[{{"name":"A","shape":{},"datatype":"BYTES","parameters":)"
                             R"({{"binary_data_size":{}}}}}]}})",
                             shape, data.size()),
                 data);
  };
  EXPECT_THAT(parse("\3\0\0\0a\0\xFF\0\0\0\0"s)->inputs[0].tensor.As<std::string>(), ElementsAre("a\0\xFF"s, ""));
  EXPECT_THAT(parse("\3\0\0\0a\0\0"s).error().message, HasSubstr("too few"));
  EXPECT_THAT(parse("\3\0\0\0abc\1\0\0"s).error().message, HasSubstr("past the end"));
  EXPECT_THAT(parse("\0\0\0\0\xFF\xFF\xFF\xFF"s).error().message,
              HasSubstr("value 1 of BYTES has a length of 4294967295"));
  EXPECT_THAT(parse("\0\0\0\0\0\0\0\0\0"s).error().message, HasSubstr("1 bytes follow"));
  EXPECT_THAT(parse(""s, "[9223372036854775807]").error().message, HasSubstr("shape"));
  EXPECT_EQ(parse(""s, "[0]")->inputs[0].tensor.elements(), 0U);
}

TEST(WriteInfer, WritesTextAndRefusesWhatJsonCannotHold) {
  Tensor text = Tensor::Uninitialised(DataType::kBytes, {2});
  text.Mutable<std::string>()[0] = "a\"b";
  const InferAnswer answer{.version = "1", .outputs = {{"T", text}}, .times = {}};
  EXPECT_THAT(WriteInfer("m", {}, answer)->body, HasSubstr(R"("datatype":"BYTES","shape":[2],"data":["a\"b",""])"));
  text.Mutable<std::string>()[1] = "\xFF";
  EXPECT_EQ(WriteInfer("m", {}, answer).error().code, Code::kUnprocessable);
  const InferBody binary{.id = "", .inputs = {}, .outputs = {}, .binary = {}, .all_binary = true};
  EXPECT_THAT(WriteInfer("m", binary, answer)->body,
              ::testing::EndsWith(std::string("}]}\3\0\0\0a\"b\1\0\0\0\xFF", 15)));
}

TEST(ParseInfer, ReadsWhichOutputsAreToBeBinary) {
  const auto binary = [](const std::string& more) {
    const auto body = Parse(Binary(R"("shape":[1,2],"data":[1,2])", R"("shape":[1],"data":[1])", more));
    EXPECT_TRUE(body) << body.error().message;
    if (body->outputs.empty()) return std::string(body->all_binary ? "all b" : "all j");
    std::string found;
    for (const bool binary : body->binary) found += binary ? 'b' : 'j';
    return found;
  };
  EXPECT_EQ(binary(""), "all j");
  EXPECT_EQ(binary(R"("parameters":{"binary_data_output":true},)"), "all b");
  EXPECT_EQ(binary(R"("parameters":{"binary_data_output":true},"outputs":[{"name":"Y"},{"name":"X","parameters":)"
                   R"({"binary_data":false}}],)"),
            "bj");
  EXPECT_EQ(binary(R"("outputs":[{"name":"Y","parameters":{"binary_data":true}},{"name":"X"}],)"), "bj");
}

TEST(WriteModelMetadata, ShowsTheInterface) {
  const std::string json = WriteModelMetadata("m", {.versions = {"1"}, .manifest = kModel});
  EXPECT_THAT(json, HasSubstr(R"("inputs":[{"name":"A","datatype":"FP32","shape":[-1,2]})"));
  EXPECT_THAT(json, HasSubstr(R"("platform":"onnxruntime_onnx")"));
}

}  // namespace
}  // namespace weir::codec
