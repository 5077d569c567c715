#include "codec/tensor_bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

namespace weir::codec {
namespace {

static_assert(std::endian::native == std::endian::little);

using Length = std::uint32_t;

Result<Tensor> StringsOf(Shape shape, std::size_t count, std::string_view data) {
  const std::size_t whole = data.size();
  if (count > whole / sizeof(Length)) {
    return InvalidArgument(fmt::format("shape {} of BYTES has {} values, for which {} bytes are too few",
                                       ShapeString(shape), count, whole));
  }
  Tensor tensor = Tensor::Uninitialised(DataType::kBytes, std::move(shape));
  std::size_t index = 0;
  for (std::string& element : tensor.Mutable<std::string>()) {
    Length length = 0;
    if (data.size() >= sizeof(length)) std::memcpy(&length, data.data(), sizeof(length));
    if (data.size() < sizeof(length) || data.size() - sizeof(length) < length) {
      return InvalidArgument(
          fmt::format("value {} of BYTES has a length of {}, which goes past the end of the data", index, length));
    }
    element = data.substr(sizeof(length), length);
    data.remove_prefix(sizeof(length) + length);
    ++index;
  }
  if (!data.empty()) {
    return InvalidArgument(
        fmt::format("{} bytes follow the {} values of shape {}", data.size(), count, ShapeString(tensor.shape())));
  }
  return tensor;
}

}  // namespace

Result<Tensor> TensorOfBytes(DataType type, Shape shape, std::string_view data,
                             const std::shared_ptr<const void>& owner) {
  const std::optional<std::size_t> count = ElementCount(shape);
  if (!count) return InvalidArgument(fmt::format("{} is no shape", ShapeString(shape)));
  if (type == DataType::kBytes) return StringsOf(std::move(shape), *count, data);
  const std::size_t width = DataTypeSize(type);
  if (*count != data.size() / width || data.size() % width != 0) {
    return InvalidArgument(fmt::format("shape {} of {} has {} values of {} bytes, the data have {} bytes",
                                       ShapeString(shape), DataTypeName(type), *count, width, data.size()));
  }
  if (type == DataType::kBool && std::ranges::any_of(data, [](char value) { return value != 0 && value != 1; })) {
    return InvalidArgument("there is a byte that is neither 0 nor 1, which BOOL are");
  }
  if (reinterpret_cast<std::uintptr_t>(data.data()) % width == 0) {
    return Tensor::Wrap(type, std::move(shape), owner, data.data());
  }
  Tensor copy = Tensor::Uninitialised(type, std::move(shape));
  if (!data.empty()) std::memcpy(copy.Mutable<char>().data(), data.data(), data.size());
  return copy;
}

std::size_t ByteLength(const Tensor& tensor) {
  if (tensor.type() != DataType::kBytes) return tensor.bytes();
  std::size_t length = tensor.elements() * sizeof(Length);
  for (const std::string& element : tensor.As<std::string>()) length += element.size();
  return length;
}

void AppendBytes(const Tensor& tensor, std::string& out) {
  if (tensor.type() != DataType::kBytes) {
    out.append(reinterpret_cast<const char*>(tensor.data()), tensor.bytes());
    return;
  }
  for (const std::string& element : tensor.As<std::string>()) {
    const auto length = static_cast<Length>(element.size());
    out.append(reinterpret_cast<const char*>(&length), sizeof(length));
    out += element;
  }
}

}  // namespace weir::codec
