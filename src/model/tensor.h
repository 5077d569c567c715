// Typed arrays with a shape: what goes into and comes out of a model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

// Element types, named as the Open Inference Protocol names them.
enum class DataType : std::uint8_t {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kBf16,
  kFp32,
  kFp64,
  kBytes,  // of any length each: text, or anything else
};

std::string_view DataTypeName(DataType type);  // "FP32"
std::optional<DataType> DataTypeFromName(std::string_view name);
// Bytes per element in memory; those of BYTES are each a std::string.
std::size_t DataTypeSize(DataType type);

// Dimensions, outermost first. In a TensorSpec -1 stands for "any size"; in a Tensor all are >= 0.
using Shape = std::vector<std::int64_t>;

std::string ShapeString(std::span<const std::int64_t> shape);  // "[2, -1, 384]"
// Product of the dimensions; nullopt when one is negative or the product overflows.
std::optional<std::size_t> ElementCount(std::span<const std::int64_t> shape);

// A dense row-major array whose bytes are shared, not copied, between copies of the Tensor and slices of
// it. Thread-compatible; treat the bytes as immutable once a Tensor was handed on.
class Tensor {
 public:
  Tensor() = default;

  // Freshly allocated memory, uninitialised but for BYTES, which are empty. `shape` must have a countable number of
  // elements.
  static Tensor Uninitialised(DataType type, Shape shape);
  // Shares memory that `owner` keeps alive; `data` holds ElementCount(shape) elements.
  static Tensor Wrap(DataType type, Shape shape, std::shared_ptr<const void> owner, const void* data);

  DataType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  std::size_t elements() const { return elements_; }
  // Of memory; for BYTES with what stands in them, which takes a look at each.
  std::size_t bytes() const;
  const std::byte* data() const { return data_; }

  // The elements as T. The caller has checked type().
  template <typename T>
  std::span<const T> As() const {
    return {reinterpret_cast<const T*>(data_), elements_};
  }
  // For filling a tensor that Uninitialised() made, before it is handed on.
  template <typename T>
  std::span<T> Mutable() {
    return {reinterpret_cast<T*>(const_cast<std::byte*>(data_)), elements_};
  }

 private:
  DataType type_ = DataType::kFp32;
  Shape shape_;
  std::size_t elements_ = 0;
  const std::byte* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

// What a model says about one of its inputs or outputs.
struct TensorSpec {
  std::string name;
  DataType type = DataType::kFp32;
  Shape shape;  // -1 = any size
};

// Whether `tensor` may be given for `spec`: same type, same rank, same sizes where the spec has one.
// The error names the input and shows both sides.
Status CheckAgainst(const TensorSpec& spec, const Tensor& tensor);

}  // namespace weir
