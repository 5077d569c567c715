#include "model/tensor.h"

#include <fmt/format.h>

#include <array>

namespace weir {
namespace {

struct TypeRow {
  DataType type;
  std::string_view name;
  std::size_t size;
};

constexpr std::array<TypeRow, 14> kTypes = {{{DataType::kBool, "BOOL", 1},
                                             {DataType::kUint8, "UINT8", 1},
                                             {DataType::kUint16, "UINT16", 2},
                                             {DataType::kUint32, "UINT32", 4},
                                             {DataType::kUint64, "UINT64", 8},
                                             {DataType::kInt8, "INT8", 1},
                                             {DataType::kInt16, "INT16", 2},
                                             {DataType::kInt32, "INT32", 4},
                                             {DataType::kInt64, "INT64", 8},
                                             {DataType::kFp16, "FP16", 2},
                                             {DataType::kBf16, "BF16", 2},
                                             {DataType::kFp32, "FP32", 4},
                                             {DataType::kFp64, "FP64", 8},
                                             {DataType::kBytes, "BYTES", sizeof(std::string)}}};

const TypeRow& Row(DataType type) { return kTypes[static_cast<std::size_t>(type)]; }

}  // namespace

std::string_view DataTypeName(DataType type) { return Row(type).name; }
std::size_t DataTypeSize(DataType type) { return Row(type).size; }

std::optional<DataType> DataTypeFromName(std::string_view name) {
  for (const TypeRow& row : kTypes) {
    if (row.name == name) return row.type;
  }
  return std::nullopt;
}

std::string ShapeString(std::span<const std::int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::optional<std::size_t> ElementCount(std::span<const std::int64_t> shape) {
  // Bounded by what a byte count can hold at the largest element, also for shapes that contain a 0.
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size == 0) {
      empty = true;
      continue;
    }
    if (__builtin_mul_overflow(count, size, &count)) return std::nullopt;
  }
  if (count > INT64_MAX / static_cast<std::int64_t>(sizeof(std::string))) return std::nullopt;
  return empty ? 0 : static_cast<std::size_t>(count);
}

Tensor Tensor::Uninitialised(DataType type, Shape shape) {
  Tensor tensor;
  tensor.type_ = type;
  tensor.elements_ = ElementCount(shape).value_or(0);
  tensor.shape_ = std::move(shape);
  if (type == DataType::kBytes) {
    auto strings = std::make_shared<std::vector<std::string>>(tensor.elements_);
    tensor.data_ = reinterpret_cast<const std::byte*>(strings->data());
    tensor.owner_ = std::move(strings);
    return tensor;
  }
  std::shared_ptr<std::byte[]> bytes = std::make_shared_for_overwrite<std::byte[]>(tensor.bytes() + 1);
  tensor.data_ = bytes.get();
  tensor.owner_ = std::move(bytes);
  return tensor;
}

std::size_t Tensor::bytes() const {
  std::size_t bytes = elements_ * DataTypeSize(type_);
  if (type_ != DataType::kBytes) return bytes;
  for (const std::string& element : As<std::string>()) bytes += element.size();
  return bytes;
}

Tensor Tensor::Wrap(DataType type, Shape shape, std::shared_ptr<const void> owner, const void* data) {
  Tensor tensor;
  tensor.type_ = type;
  tensor.elements_ = ElementCount(shape).value_or(0);
  tensor.shape_ = std::move(shape);
  tensor.data_ = static_cast<const std::byte*>(data);
  tensor.owner_ = std::move(owner);
  return tensor;
}

Status CheckAgainst(const TensorSpec& spec, const Tensor& tensor) {
  if (tensor.type() != spec.type) {
    return InvalidArgument(fmt::format("input '{}' has datatype {}, the model takes {}", spec.name,
                                       DataTypeName(tensor.type()), DataTypeName(spec.type)));
  }
  bool fits = tensor.shape().size() == spec.shape.size();
  for (std::size_t i = 0; fits && i < spec.shape.size(); ++i) {
    fits = spec.shape[i] < 0 || spec.shape[i] == tensor.shape()[i];
  }
  if (!fits) {
    return InvalidArgument(fmt::format("input '{}' has shape {}, the model takes {}", spec.name,
                                       ShapeString(tensor.shape()), ShapeString(spec.shape)));
  }
  return {};
}

}  // namespace weir
