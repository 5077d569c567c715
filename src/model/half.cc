#include "model/half.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace weir {
namespace {

// How both are cut: what stands below the lowest bit that stays decides, and when it is exactly half, that bit.
std::uint32_t RoundOff(std::uint32_t bits, int cut) {
  const std::uint32_t half = 1U << (cut - 1);
  const std::uint32_t below = bits & ((half << 1) - 1);
  const std::uint32_t kept = bits >> cut;
  return kept + (below > half || (below == half && (kept & 1U) != 0) ? 1 : 0);
}

}  // namespace

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

std::uint16_t ToF16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  constexpr std::uint32_t kInfinity = 0x7F800000U;
  constexpr std::uint32_t kSmallestNormal = 0x38800000U;  // 2^-14
  if (magnitude > kInfinity) return static_cast<std::uint16_t>(sign | 0x7E00U);
  if (magnitude < kSmallestNormal) {  // in steps of 2^-24: adding 2^-1 rounds to them
    const float stepped = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<std::uint16_t>(sign |
                                      (std::bit_cast<std::uint32_t>(stepped) - std::bit_cast<std::uint32_t>(0.5F)));
  }
  const std::uint32_t rebased = RoundOff(magnitude, 13) - (112U << 10);  // the bias is 15 instead of 127
  return static_cast<std::uint16_t>(sign | std::min(rebased, 0x7C00U));
}

std::uint16_t ToBf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U)
    return static_cast<std::uint16_t>((bits >> 16) | 0x40U);  // stays not a number
  return static_cast<std::uint16_t>(RoundOff(bits, 16));
}

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
