#include "model/half.h"

#include <cmath>
#include <limits>

namespace weir {
namespace {

TEST(Half, ReadsEveryKindOfBinary16) {
  EXPECT_EQ(FromF16(0x3C00), 1.0F);
  EXPECT_EQ(FromF16(0xC500), -5.0F);
  EXPECT_EQ(FromF16(0x7BFF), 65504.0F);     // the largest
  EXPECT_EQ(FromF16(0x0001), 0x1p-24F);     // the least above zero
  EXPECT_EQ(FromF16(0x83FF), -0x3FFp-24F);  // the largest of those below the normal ones
  EXPECT_TRUE(std::signbit(FromF16(0x8000)));
  EXPECT_EQ(FromF16(0xFC00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(FromF16(0x7E01)));
}

TEST(Half, ReadsBfloat16AsTheUpperHalfOfAFloat) {
  EXPECT_EQ(FromBf16(0x3F80), 1.0F);
  EXPECT_EQ(FromBf16(0xC0A0), -5.0F);
  EXPECT_TRUE(std::isnan(FromBf16(0x7FC0)));
}

TEST(Half, WritesBackEveryNumberThatItReads) {
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if (!std::isnan(FromF16(half))) EXPECT_EQ(ToF16(FromF16(half)), half);
    if (!std::isnan(FromBf16(half))) EXPECT_EQ(ToBf16(FromBf16(half)), half);
  }
  EXPECT_TRUE(std::isnan(FromF16(ToF16(std::nanf("")))));
  EXPECT_TRUE(std::isnan(FromBf16(ToBf16(std::nanf("")))));
}

TEST(Half, RoundsToTheNearestAndTheEvenOfTwo) {
  EXPECT_EQ(ToF16(0.1F), 0x2E66);          // as numpy has it
  EXPECT_EQ(ToF16(1 + 0x1p-11F), 0x3C00);  // half way: down to the even one
  EXPECT_EQ(ToF16(1 + 0x3p-11F), 0x3C02);  // half way: up to it
  EXPECT_EQ(ToF16(0x1p-25F), 0);           // half of the least
  EXPECT_EQ(ToF16(65519.0F), 0x7BFF);
  EXPECT_EQ(ToF16(65520.0F), 0x7C00);
  EXPECT_EQ(ToF16(-1e30F), 0xFC00);
  EXPECT_EQ(ToBf16(1 + 0x1p-8F), 0x3F80);
  EXPECT_EQ(ToBf16(1 + 0x3p-8F), 0x3F82);
}

TEST(Half, WidensATensorAndLeavesAFloatWhereItIs) {
  Tensor half = Tensor::Uninitialised(DataType::kFp16, {1, 2});
  half.Mutable<std::uint16_t>()[0] = 0x3C00;
  half.Mutable<std::uint16_t>()[1] = 0xC500;
  const Tensor wide = AsFp32(half);
  EXPECT_EQ(wide.type(), DataType::kFp32);
  EXPECT_EQ(wide.shape(), (Shape{1, 2}));
  EXPECT_THAT(wide.As<float>(), ::testing::ElementsAre(1.0F, -5.0F));
  EXPECT_EQ(AsFp32(wide).data(), wide.data());
}

}  // namespace
}  // namespace weir
