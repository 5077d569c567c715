// Weights in the safetensors format: https://huggingface.co/docs/safetensors.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/tensor.h"

namespace weir {

// The tensors of a file by name, as FP32 (F16 and BF16 are widened). `name` is what errors call the file.
// kUnprocessable when a length, an offset or a shape does not fit the bytes, or a type is none of these.
Result<std::map<std::string, Tensor>> ParseSafetensors(std::string_view bytes, const std::string& name);

}  // namespace weir
