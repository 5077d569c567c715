#include "text/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "model/half.h"
#include "text/json_file.h"

namespace weir {
namespace {

constexpr std::size_t kLengthBytes = 8;  // of the header, little-endian, at the start of the file

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

std::size_t ElementBytes(std::string_view type) {
  if (type == "F32") return 4;
  return type == "F16" || type == "BF16" ? 2 : 0;
}

Tensor Widened(std::string_view type, Shape shape, std::string_view data) {
  Tensor tensor = Tensor::Uninitialised(DataType::kFp32, std::move(shape));
  const auto out = tensor.Mutable<float>();
  if (type == "F32") {
    std::memcpy(out.data(), data.data(), data.size());
    return tensor;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, data.data() + 2 * i, sizeof bits);
    out[i] = type == "F16" ? FromF16(bits) : FromBf16(bits);
  }
  return tensor;
}

// One entry of the header: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}; nullopt when it does not fit
// `data`, all that follows the header.
std::optional<Tensor> ReadEntry(JsonValue entry, std::string_view data) {
  const std::string type = entry["dtype"].Text().value_or("");
  const std::vector<JsonValue> offsets = entry["data_offsets"].Items();
  if (ElementBytes(type) == 0 || offsets.size() != 2 || !entry["shape"].IsArray()) return std::nullopt;
  Shape shape;
  for (const JsonValue dimension : entry["shape"].Items()) shape.push_back(dimension.Whole().value_or(-1));
  const std::optional<std::size_t> elements = ElementCount(shape);
  const std::int64_t begin = offsets[0].Whole().value_or(-1);
  const std::int64_t end = offsets[1].Whole().value_or(-1);
  if (!elements || begin < 0 || end < begin || static_cast<std::uint64_t>(end) > data.size()) return std::nullopt;
  const auto size = static_cast<std::size_t>(end - begin);
  if (*elements > data.size() || *elements * ElementBytes(type) != size) return std::nullopt;
  return Widened(type, std::move(shape), data.substr(static_cast<std::size_t>(begin), size));
}

}  // namespace

Result<std::map<std::string, Tensor>> ParseSafetensors(std::string_view bytes, const std::string& name) {
  const auto refuse = [&](std::string_view why) {
    return Fail(Code::kUnprocessable, fmt::format("{} is not a safetensors file: {}", name, why));
  };
  std::uint64_t header_size = 0;
  if (bytes.size() < kLengthBytes) return refuse("it is shorter than the length of its header");
  std::memcpy(&header_size, bytes.data(), kLengthBytes);
  bytes.remove_prefix(kLengthBytes);
  if (header_size > bytes.size()) {
    return refuse(fmt::format("its header of {} bytes goes beyond its end", header_size));
  }
  const auto header = JsonFile::Parse(bytes.substr(0, header_size), "its header");
  if (!header) return refuse(header.error().message);
  if (!header->root().IsObject()) return refuse("its header is not an object");
  std::map<std::string, Tensor> tensors;
  for (const auto& [key, entry] : header->root().Members()) {
    if (key == "__metadata__") continue;
    std::optional<Tensor> tensor = ReadEntry(entry, bytes.substr(header_size));
    if (!tensor) return refuse(fmt::format("type (F32, F16, BF16), shape or place of '{}' do not fit its bytes", key));
    tensors.emplace(key, std::move(*tensor));
  }
  return tensors;
}

}  // namespace weir
