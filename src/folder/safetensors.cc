#include "folder/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "folder/json_file.h"
#include "model/half.h"

namespace weir {
namespace {

constexpr std::size_t kLengthBytes = 8;  // of the header, little-endian, at the start of the file

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

// Source: the format's list of types. 0: not among them.
std::size_t ElementBytes(std::string_view type) {
  static constexpr std::pair<std::string_view, std::size_t> kBytes[] = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"U16", 2}, {"I16", 2}, {"F16", 2},
      {"BF16", 2}, {"U32", 4}, {"I32", 4}, {"F32", 4},     {"U64", 8},     {"I64", 8}, {"F64", 8}};
  const auto* found = std::ranges::find(kBytes, type, [](const auto& pair) { return pair.first; });
  return found == std::end(kBytes) ? 0 : found->second;
}

// One entry of the header: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}; nullopt when it does not fit
// `data`, all that follows the header.
std::optional<SafetensorsEntry> ReadEntry(JsonValue entry, std::string_view data) {
  SafetensorsEntry read{.type = entry["dtype"].Text().value_or(""), .shape = {}, .data = {}};
  const std::size_t element = ElementBytes(read.type);
  const std::vector<JsonValue> offsets = entry["data_offsets"].Items();
  if (element == 0 || offsets.size() != 2 || !entry["shape"].IsArray()) return std::nullopt;
  for (const JsonValue dimension : entry["shape"].Items()) read.shape.push_back(dimension.Whole().value_or(-1));
  const std::optional<std::size_t> elements = ElementCount(read.shape);
  const std::int64_t begin = offsets[0].Whole().value_or(-1);
  const std::int64_t end = offsets[1].Whole().value_or(-1);
  if (!elements || begin < 0 || end < begin || static_cast<std::uint64_t>(end) > data.size()) return std::nullopt;
  const auto size = static_cast<std::size_t>(end - begin);
  if (*elements > data.size() || *elements * element != size) return std::nullopt;
  read.data = data.substr(static_cast<std::size_t>(begin), size);
  return read;
}

// Of the file called `name`.
std::unexpected<Error> Refuse(const std::string& name, std::string_view why) {
  return Fail(Code::kUnprocessable, fmt::format("{} is not a safetensors file: {}", name, why));
}

}  // namespace

bool IsFloat(std::string_view type) { return type == "F32" || type == "F16" || type == "BF16"; }

std::optional<Tensor> AsFp32(const SafetensorsEntry& entry) {
  if (!IsFloat(entry.type)) return std::nullopt;
  Tensor tensor = Tensor::Uninitialised(DataType::kFp32, entry.shape);
  const auto out = tensor.Mutable<float>();
  if (entry.type == "F32") {
    if (!out.empty()) std::memcpy(out.data(), entry.data.data(), entry.data.size());
    return tensor;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, entry.data.data() + 2 * i, sizeof bits);
    out[i] = entry.type == "F16" ? FromF16(bits) : FromBf16(bits);
  }
  return tensor;
}

Result<std::map<std::string, SafetensorsEntry>> ListSafetensors(std::string_view bytes, const std::string& name) {
  std::uint64_t header_size = 0;
  if (bytes.size() < kLengthBytes) return Refuse(name, "it is shorter than the length of its header");
  std::memcpy(&header_size, bytes.data(), kLengthBytes);
  bytes.remove_prefix(kLengthBytes);
  if (header_size > bytes.size()) {
    return Refuse(name, fmt::format("its header of {} bytes goes beyond its end", header_size));
  }
  const auto header = JsonFile::Parse(bytes.substr(0, header_size), "its header");
  if (!header) return Refuse(name, header.error().message);
  if (!header->root().IsObject()) return Refuse(name, "its header is not an object");
  std::map<std::string, SafetensorsEntry> entries;
  for (const auto& [key, value] : header->root().Members()) {
    if (key == "__metadata__") continue;
    std::optional<SafetensorsEntry> entry = ReadEntry(value, bytes.substr(header_size));
    if (!entry) return Refuse(name, fmt::format("type, shape or place of '{}' do not fit its bytes", key));
    entries.emplace(key, std::move(*entry));
  }
  return entries;
}

Result<std::map<std::string, Tensor>> ParseSafetensors(std::string_view bytes, const std::string& name) {
  auto entries = ListSafetensors(bytes, name);
  if (!entries) return Forward(entries);
  std::map<std::string, Tensor> tensors;
  for (const auto& [key, entry] : *entries) {
    std::optional<Tensor> tensor = AsFp32(entry);
    if (!tensor) {
      return Fail(Code::kUnprocessable,
                  fmt::format("{}: '{}' is of type {}; F32, F16 and BF16 are read", name, key, entry.type));
    }
    tensors.emplace(key, std::move(*tensor));
  }
  return tensors;
}

}  // namespace weir
