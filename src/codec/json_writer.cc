#include "codec/json_writer.h"

#include <fmt/compile.h>
#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <simdjson.h>

#include <array>
#include <cmath>
#include <type_traits>

#include "model/half.h"

namespace weir::codec {

struct JsonWriter::Impl {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer{buffer};
};

// The thread's next writer takes over the memory of the last one, unless that was long. Four allocations less an
// answer.
std::unique_ptr<JsonWriter::Impl>& JsonWriter::Spare() {
  thread_local std::unique_ptr<Impl> spare;
  return spare;
}

JsonWriter::JsonWriter() : impl_(std::move(Spare())) {
  if (!impl_) impl_ = std::make_unique<Impl>();
}

JsonWriter::~JsonWriter() {
  constexpr std::size_t kKept = 64U << 10;
  if (impl_->buffer.GetSize() > kKept) return;
  impl_->buffer.Clear();
  impl_->writer.Reset(impl_->buffer);
  Spare() = std::move(impl_);
}

JsonWriter& JsonWriter::BeginObject() { return impl_->writer.StartObject(), *this; }
JsonWriter& JsonWriter::EndObject() { return impl_->writer.EndObject(), *this; }
JsonWriter& JsonWriter::BeginArray() { return impl_->writer.StartArray(), *this; }
JsonWriter& JsonWriter::EndArray() { return impl_->writer.EndArray(), *this; }
JsonWriter& JsonWriter::Int(std::int64_t value) { return impl_->writer.Int64(value), *this; }
JsonWriter& JsonWriter::Bool(bool value) { return impl_->writer.Bool(value), *this; }
JsonWriter& JsonWriter::Null() { return impl_->writer.Null(), *this; }
JsonWriter& JsonWriter::Float(float value) { return Number(value), *this; }
JsonWriter& JsonWriter::Double(double value) { return Number(value), *this; }

JsonWriter& JsonWriter::Key(std::string_view key) {
  impl_->writer.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  if (!simdjson::validate_utf8(value)) {
    // Bytes that are quoted in a message, from a path or a header; the rest of it is still worth reading.
    std::string readable;
    for (const char c : value) readable += static_cast<unsigned char>(c) < 0x80 ? std::string(1, c) : "\uFFFD";
    return String(readable);
  }
  impl_->writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  return *this;
}

template <typename T>
void JsonWriter::Number(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) {
      impl_->writer.Null();
      return;
    }
  }
  std::array<char, 32> text;
  const char* end = fmt::format_to(text.data(), FMT_COMPILE("{}"), value);
  impl_->writer.RawValue(text.data(), static_cast<std::size_t>(end - text.data()), rapidjson::kNumberType);
}

bool JsonWriter::Elements(const Tensor& tensor) {
  bool readable = true;
  BeginArray();
  const auto numbers = [&]<typename T>(std::span<const T> values) {
    for (const T value : values) Number(value);
  };
  switch (tensor.type()) {
    case DataType::kBool:
      for (const std::uint8_t value : tensor.As<std::uint8_t>()) impl_->writer.Bool(value != 0);
      break;
    case DataType::kUint8: numbers(tensor.As<std::uint8_t>()); break;
    case DataType::kUint16: numbers(tensor.As<std::uint16_t>()); break;
    case DataType::kUint32: numbers(tensor.As<std::uint32_t>()); break;
    case DataType::kUint64: numbers(tensor.As<std::uint64_t>()); break;
    case DataType::kInt8: numbers(tensor.As<std::int8_t>()); break;
    case DataType::kInt16: numbers(tensor.As<std::int16_t>()); break;
    case DataType::kInt32: numbers(tensor.As<std::int32_t>()); break;
    case DataType::kInt64: numbers(tensor.As<std::int64_t>()); break;
    case DataType::kFp32: numbers(tensor.As<float>()); break;
    case DataType::kFp64: numbers(tensor.As<double>()); break;
    case DataType::kFp16:
      for (const std::uint16_t bits : tensor.As<std::uint16_t>()) Number(FromF16(bits));
      break;
    case DataType::kBf16:
      for (const std::uint16_t bits : tensor.As<std::uint16_t>()) Number(FromBf16(bits));
      break;
    case DataType::kBytes:
      for (const std::string& value : tensor.As<std::string>()) {
        readable = readable && simdjson::validate_utf8(value);
        String(value);
      }
      break;
  }
  EndArray();
  return readable;
}

std::string JsonWriter::Take() const { return {impl_->buffer.GetString(), impl_->buffer.GetSize()}; }

}  // namespace weir::codec
