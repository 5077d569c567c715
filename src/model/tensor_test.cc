#include "model/tensor.h"

namespace weir {
namespace {

using ::testing::HasSubstr;

TEST(Tensor, CountsElementsAndRefusesWhatCannotBeCounted) {
  EXPECT_EQ(ElementCount(Shape{2, 3}), 6U);
  EXPECT_EQ(ElementCount(Shape{}), 1U);
  EXPECT_EQ(ElementCount(Shape{4, 0}), 0U);
  EXPECT_EQ(ElementCount(Shape{-1, 3}), std::nullopt);
  EXPECT_EQ(ElementCount(Shape{INT64_MAX, 2}), std::nullopt);
  EXPECT_EQ(ElementCount(Shape{INT64_MAX, 0, INT64_MAX}), std::nullopt);
  EXPECT_EQ(ElementCount(Shape{INT64_MAX / 2}), std::nullopt);
}

TEST(Tensor, SharesItsMemoryBetweenCopies) {
  Tensor tensor = Tensor::Uninitialised(DataType::kInt32, {3});
  std::ranges::copy(std::vector<std::int32_t>{1, 2, 3}, tensor.Mutable<std::int32_t>().begin());
  const Tensor copy = tensor;
  EXPECT_EQ(copy.data(), tensor.data());
  EXPECT_THAT(copy.As<std::int32_t>(), ::testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(copy.bytes(), 12U);
}

TEST(Tensor, EveryTypeHasANameThatLeadsBackToIt) {
  for (int i = 0; i < 13; ++i) {
    const auto type = static_cast<DataType>(i);
    EXPECT_EQ(DataTypeFromName(DataTypeName(type)), type);
    EXPECT_GE(DataTypeSize(type), 1U);
  }
  EXPECT_EQ(DataTypeFromName("FP128"), std::nullopt);
}

TEST(CheckAgainst, AcceptsAnySizeWhereTheModelLeavesItOpen) {
  const TensorSpec spec{"x", DataType::kFp32, {-1, 16}};
  EXPECT_TRUE(CheckAgainst(spec, Tensor::Uninitialised(DataType::kFp32, {5, 16})));
}

TEST(CheckAgainst, NamesTheInputAndBothSides) {
  const TensorSpec spec{"x", DataType::kFp32, {-1, 16}};
  const Status type = CheckAgainst(spec, Tensor::Uninitialised(DataType::kInt32, {5, 16}));
  ASSERT_FALSE(type);
  EXPECT_EQ(type.error().message, "input 'x' has datatype INT32, the model takes FP32");
  const Status rank = CheckAgainst(spec, Tensor::Uninitialised(DataType::kFp32, {16}));
  ASSERT_FALSE(rank);
  EXPECT_THAT(rank.error().message, HasSubstr("shape [16], the model takes [-1, 16]"));
  EXPECT_FALSE(CheckAgainst(spec, Tensor::Uninitialised(DataType::kFp32, {5, 15})));
}

}  // namespace
}  // namespace weir
