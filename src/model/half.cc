#include "model/half.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace weir {

float FromF16(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1FU;
  const std::uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0) {  // zero and the numbers below the smallest normal one, in steps of 2^-24
    const float value = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -value : value;
  }
  const std::uint32_t wide = exponent == 0x1F ? 0xFFU : exponent + 112;  // the bias is 127 instead of 15
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

float FromBf16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

bool WidensToFp32(DataType type) {
  return type == DataType::kFp32 || type == DataType::kFp16 || type == DataType::kBf16;
}

Tensor AsFp32(Tensor tensor) {
  if (tensor.type() == DataType::kFp32) return tensor;
  Tensor wide = Tensor::Uninitialised(DataType::kFp32, tensor.shape());
  std::ranges::transform(tensor.As<std::uint16_t>(), wide.Mutable<float>().begin(),
                         tensor.type() == DataType::kFp16 ? FromF16 : FromBf16);
  return wide;
}

}  // namespace weir
