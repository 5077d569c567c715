#include "infer/named_tensors.h"

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Manifest kModel = {.platform = "onnxruntime_onnx",
                         .inputs = {{"A", DataType::kFp32, {-1, 2}}, {"B", DataType::kInt8, {-1}}},
                         .outputs = {{"X", DataType::kFp32, {-1, 2}}, {"Y", DataType::kBytes, {-1}}},
                         .weight_bytes = 0};

NamedTensor Zeros(const char* name, DataType type, Shape shape) {
  return {name, Tensor::Uninitialised(type, std::move(shape))};
}

NamedTensor A() { return Zeros("A", DataType::kFp32, {1, 2}); }
NamedTensor B() { return Zeros("B", DataType::kInt8, {3}); }

Error Refusal(std::vector<NamedTensor> inputs) {
  const auto arranged = ArrangeInputs(kModel, std::move(inputs));
  EXPECT_FALSE(arranged);
  return arranged ? Error{} : arranged.error();
}

TEST(ArrangeInputs, PutsThemInTheModelsOrder) {
  const auto arranged = ArrangeInputs(kModel, {B(), A()});
  ASSERT_TRUE(arranged);
  EXPECT_EQ((*arranged)[0].type(), DataType::kFp32);
  EXPECT_EQ((*arranged)[1].shape(), Shape{3});
}

TEST(ArrangeInputs, NamesTheFieldThatDoesNotFit) {
  EXPECT_EQ(Refusal({A()}).message, "input 'B' is missing");
  EXPECT_EQ(Refusal({A(), A()}).message, "input 'A' is given twice");
  EXPECT_EQ(Refusal({A(), Zeros("C", DataType::kInt8, {1})}).message,
            "the model has no input 'C' (did you mean 'A'?); it has A, B");
  const Error type = Refusal({Zeros("A", DataType::kInt8, {1, 2})});
  EXPECT_EQ(type.message, "input 'A' has datatype INT8, the model takes FP32");
  EXPECT_EQ(type.field, "inputs[0].datatype");
  for (const Shape& shape : {Shape{2}, Shape{1, 3}, Shape{1, 2, 1}, Shape{}}) {
    EXPECT_EQ(Refusal({B(), Zeros("A", DataType::kFp32, shape)}).field, "inputs[1].shape");
  }
}

TEST(CheckOutputs, RefusesWhatThereIsNot) {
  EXPECT_TRUE(CheckOutputs(kModel, std::vector<OutputAsk>{{"Y"}, {"X", 3}}));
  const Status missing = CheckOutputs(kModel, std::vector<OutputAsk>{{"Z"}});
  EXPECT_THAT(missing.error().message, HasSubstr("the model has no output 'Z' (did you mean 'X'?); it has X, Y"));
  const Status classes = CheckOutputs(kModel, std::vector<OutputAsk>{{"X"}, {"Y", 1}});
  EXPECT_EQ(classes.error().field, "outputs[1].parameters.classification");
}

Tensor Values(Shape shape, std::initializer_list<float> values) {
  Tensor tensor = Tensor::Uninitialised(DataType::kFp32, std::move(shape));
  std::ranges::copy(values, tensor.Mutable<float>().begin());
  return tensor;
}

TEST(TopClasses, GivesTheLargestOfEachRowOfABatch) {
  const Tensor values = Values({2, 3}, {0.25F, 0.5F, 0.25F, 3, 1, 2});
  const auto best = TopClasses(values, 2, true, {});
  ASSERT_TRUE(best);
  EXPECT_EQ(best->shape(), (Shape{2, 2}));
  EXPECT_THAT(best->As<std::string>(), ElementsAre("0.5:1", "0.25:0", "3:0", "2:2"));
  const std::vector<std::string> labels = {"a", "b:c", "d"};
  EXPECT_THAT(TopClasses(values, 9, true, labels)->As<std::string>().first(3),
              ElementsAre("0.5:1:b:c", "0.25:0:a", "0.25:2:d"));
}

TEST(TopClasses, TakesATensorThatIsNoBatchAsOneList) {
  EXPECT_THAT(TopClasses(Values({2, 2}, {1, 4, 3, 2}), 3, false, {})->As<std::string>(),
              ElementsAre("4:1", "3:2", "2:3"));
  EXPECT_EQ(TopClasses(Values({0, 3}, {}), 2, true, {})->elements(), 0U);
  EXPECT_EQ(TopClasses(Values({3, 0}, {}), 2, true, {})->shape(), (Shape{3, 0}));
}

TEST(TopClasses, PutsWhatIsNoNumberBehindTheRest) {
  const float nan = std::nanf("");
  EXPECT_THAT(TopClasses(Values({4}, {nan, 1, nan, -1}), 4, false, {})->As<std::string>(),
              ElementsAre("1:1", "-1:3", "nan:0", "nan:2"));
}

}  // namespace
}  // namespace weir
