// Tensors as the bytes that protocols send: numbers little-endian and row by row, each element of BYTES behind its
// length in four bytes. The binary tensor data extension and gRPC's raw contents are this. Source: Triton's "Binary
// Tensor Data Extension" page.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/tensor.h"

namespace weir::codec {

// A tensor that shares `data` where it is aligned, and then keeps `owner`, to whom it belongs; else a copy.
// kInvalidArgument in words, without a field, when `data` is not what type and shape say.
Result<Tensor> TensorOfBytes(DataType type, Shape shape, std::string_view data,
                             const std::shared_ptr<const void>& owner);

std::size_t ByteLength(const Tensor& tensor);
void AppendBytes(const Tensor& tensor, std::string& out);

}  // namespace weir::codec
