// Numbers of 16 bits, which no processor instruction here computes with: read and written as floats.
#pragma once

#include <cstdint>

#include "model/tensor.h"

namespace weir {

float FromF16(std::uint16_t bits);   // IEEE 754 binary16
float FromBf16(std::uint16_t bits);  // the upper half of a float

// The nearest one, of two equally near ones the even; infinity for what is too large.
std::uint16_t ToF16(float value);
std::uint16_t ToBf16(float value);

// Whether AsFp32() takes it: FP32, FP16, BF16.
bool WidensToFp32(DataType type);
// An FP32 tensor is given back as it is, the others are widened, which is exact. The caller has checked the type.
Tensor AsFp32(Tensor tensor);

}  // namespace weir
