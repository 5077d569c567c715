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

Error Refusal(const std::string& body, const Manifest& manifest = kModel) {
  const auto parsed = ParseInfer(body, manifest);
  EXPECT_FALSE(parsed) << body;
  return parsed ? Error{} : parsed.error();
}

TEST(ParseInfer, ReadsFlatAndNestedDataInAnyOrderOfInputs) {
  for (const char* data : {"[1, 2, 3, 4.5]", "[[1, 2], [3, 4.5]]"}) {
    const auto body = ParseInfer(Body(A("[2, 2]", data)), kModel);
    ASSERT_TRUE(body) << body.error().message;
    EXPECT_THAT(body->inputs[0].As<float>(), ElementsAre(1, 2, 3, 4.5F));
    EXPECT_THAT(body->inputs[1].As<std::int8_t>(), ElementsAre(7));
    EXPECT_EQ(body->id, "42");
    EXPECT_THAT(body->outputs, ElementsAre(0, 1));
  }
}

TEST(ParseInfer, ReadsOnlyTheOutputsThatAreAskedFor) {
  std::string body = Body(A("[1, 2]", "[1, 2]"));
  body.insert(body.size() - 1, R"(,"outputs":[{"name":"Y"}])");
  EXPECT_THAT(ParseInfer(body, kModel)->outputs, ElementsAre(1));
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
  EXPECT_TRUE(ParseInfer(with_b("-128"), kModel));
  for (const char* value : {"128", "-129", "1.5", "true", "null", "9223372036854775808"}) {
    EXPECT_THAT(Refusal(with_b(value)).message, HasSubstr("in the range of INT8")) << value;
  }
  EXPECT_EQ(Refusal(Body(A("[1, 2]", "[1e39, 0]"))).field, "inputs[0].data");
}

TEST(ParseInfer, TakesAnEmptyTensor) {
  const auto body = ParseInfer(Body(A("[0, 2]", "[]")), kModel);
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->inputs[0].elements(), 0U);
}

TEST(WriteInfer, WritesTheRequestedOutputsAndTheId) {
  Tensor x = Tensor::Uninitialised(DataType::kFp32, {1, 2});
  x.Mutable<float>()[0] = 0.1F;
  x.Mutable<float>()[1] = std::numeric_limits<float>::infinity();
  const InferBody request{.id = "7", .inputs = {}, .outputs = {0}};
  EXPECT_EQ(WriteInfer("m", "1", request, kModel, {x, Tensor()}),
            R"({"model_name":"m","model_version":"1","id":"7","outputs":[{"name":"X","datatype":"FP32",)"
            R"("shape":[1,2],"data":[0.1,null]}]})");
}

TEST(WriteModelMetadata, ShowsTheInterface) {
  const std::string json = WriteModelMetadata("m", {"1"}, kModel);
  EXPECT_THAT(json, HasSubstr(R"("inputs":[{"name":"A","datatype":"FP32","shape":[-1,2]})"));
  EXPECT_THAT(json, HasSubstr(R"("platform":"onnxruntime_onnx")"));
}

}  // namespace
}  // namespace weir::codec
