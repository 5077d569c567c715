// What a model folder does with the pooled vectors, step by step.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/tensor.h"

namespace weir {

// out = activation(in * weights + bias). Immutable.
struct DenseStep {
  std::size_t in = 0;
  std::size_t out = 0;
  std::vector<float> weights;  // [in, out], row-major
  std::vector<float> bias;     // [out]
  std::string activation;      // "Tanh"
  float (*function)(float) = nullptr;
};

// To length 1.
struct NormalizeStep {};

// To mean 0 and variance 1 within each vector, then scaled and moved. Immutable.
struct LayerNormStep {
  std::vector<float> scale;
  std::vector<float> shift;
};

using VectorStep = std::variant<DenseStep, NormalizeStep, LayerNormStep>;

// `folder` holds config.json and model.safetensors of one Dense (or LayerNorm) module. The error names the file and
// what is wrong or not served. Blocks while files are read.
Result<VectorStep> ReadDense(const std::filesystem::path& folder);
Result<VectorStep> ReadLayerNorm(const std::filesystem::path& folder);

// Values that the step gives for `width` values; kUnprocessable when it takes another number. 0 stands for "not known".
Result<std::size_t> WidthAfter(const VectorStep& step, std::size_t width);
std::string DescribeStep(const VectorStep& step);  // "dense 768 -> 256, Tanh"

// FP32 [rows, width] in and out. The width fits.
Tensor ApplyStep(const VectorStep& step, Tensor rows);

}  // namespace weir
