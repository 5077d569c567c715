// Weights in the safetensors format: https://huggingface.co/docs/safetensors.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/tensor.h"

namespace weir {

// One tensor of a file, as it lies there. Valid as long as the file's bytes.
struct SafetensorsEntry {
  std::string type;  // "F32", "I64"
  Shape shape;
  std::string_view data;
};

// All of a file's tensors by name, of any type of the format. `name` is what errors call the file. kUnprocessable when
// a length, an offset, a type or a shape does not fit the bytes.
Result<std::map<std::string, SafetensorsEntry>> ListSafetensors(std::string_view bytes, const std::string& name);

// Whether a type can be had as FP32: F32, F16 and BF16.
bool IsFloat(std::string_view type);

// As FP32, nullopt for types that cannot be had so. Copies.
std::optional<Tensor> AsFp32(const SafetensorsEntry& entry);

// The tensors of a file by name, as FP32 (F16 and BF16 are widened); other types are refused.
Result<std::map<std::string, Tensor>> ParseSafetensors(std::string_view bytes, const std::string& name);

}  // namespace weir
