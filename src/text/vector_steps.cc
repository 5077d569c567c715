#include "text/vector_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>

#include "folder/json_file.h"
#include "folder/safetensors.h"
#include "text/pooling.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMostWeightBytes = std::uintmax_t{1} << 30;
constexpr std::size_t kMostWidth = 1'000'000;
constexpr float kLayerNormEpsilon = 1e-5F;  // torch.nn.LayerNorm's default

struct Function {
  std::string_view name;  // of the class in torch.nn
  float (*function)(float);
};
constexpr std::array<Function, 6> kFunctions = {
    {{"Identity", [](float x) { return x; }},
     {"Tanh", [](float x) { return std::tanh(x); }},
     {"ReLU", [](float x) { return std::max(x, 0.0F); }},
     {"GELU", [](float x) { return 0.5F * x * (1 + std::erf(x / std::numbers::sqrt2_v<float>)); }},
     {"Sigmoid", [](float x) { return 1 / (1 + std::exp(-x)); }},
     {"SiLU", [](float x) { return x / (1 + std::exp(-x)); }}}};

using Weights = std::map<std::string, Tensor>;

Result<JsonFile> ReadConfig(const fs::path& folder) {
  auto file = JsonFile::Read(folder / "config.json");
  if (!file) return Forward(file);
  if (*file) return std::move(**file);
  return Fail(Code::kUnprocessable, fmt::format("{} has no config.json", folder.string()));
}

Result<Weights> ReadWeights(const fs::path& folder) {
  const fs::path path = folder / "model.safetensors";
  auto bytes = ReadFolderFile(path, kMostWeightBytes);
  if (!bytes) return Forward(bytes);
  if (*bytes) return ParseSafetensors(**bytes, path.string());
  std::error_code ignored;
  const bool old = fs::exists(folder / "pytorch_model.bin", ignored);
  return Fail(Code::kUnprocessable,
              fmt::format("{} has no model.safetensors{}", folder.string(),
                          old ? "; its pytorch_model.bin is a Python pickle, which is not read: save the model again "
                                "with a newer sentence-transformers"
                              : ""));
}

// The values of a tensor that must have this shape.
Result<std::vector<float>> Take(const Weights& weights, const std::string& name, const Shape& shape,
                                const fs::path& folder) {
  const auto found = weights.find(name);
  if (found == weights.end() || found->second.shape() != shape) {
    return Fail(Code::kUnprocessable, fmt::format("{}/model.safetensors has no tensor '{}' of shape {}",
                                                  folder.string(), name, ShapeString(shape)));
  }
  const auto values = found->second.As<float>();
  return std::vector<float>(values.begin(), values.end());
}

std::vector<float> Transposed(const std::vector<float>& matrix, std::size_t rows, std::size_t columns) {
  std::vector<float> turned(matrix.size());
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column)
      turned[column * rows + row] = matrix[row * columns + column];
  }
  return turned;
}

Tensor Apply(const DenseStep& dense, const Tensor& rows) {
  const std::int64_t count = rows.shape()[0];
  Tensor result = Tensor::Uninitialised(DataType::kFp32, {count, static_cast<std::int64_t>(dense.out)});
  for (std::size_t row = 0; row < static_cast<std::size_t>(count); ++row) {
    const auto in = rows.As<float>().subspan(row * dense.in, dense.in);
    const auto out = result.Mutable<float>().subspan(row * dense.out, dense.out);
    std::ranges::copy(dense.bias, out.begin());
    for (std::size_t i = 0; i < dense.in; ++i) {
      const float* weights = dense.weights.data() + i * dense.out;
      for (std::size_t o = 0; o < dense.out; ++o) out[o] += in[i] * weights[o];
    }
    for (float& value : out) value = dense.function(value);
  }
  return result;
}

Tensor Apply(const NormalizeStep&, Tensor rows) {
  const auto width = static_cast<std::size_t>(rows.shape()[1]);
  for (std::size_t begin = 0; begin < rows.elements(); begin += width) {
    NormalizeL2(rows.Mutable<float>().subspan(begin, width));
  }
  return rows;
}

Tensor Apply(const LayerNormStep& norm, Tensor rows) {
  const std::size_t width = norm.scale.size();
  for (std::size_t begin = 0; begin < rows.elements(); begin += width) {
    const auto row = rows.Mutable<float>().subspan(begin, width);
    const float mean = std::accumulate(row.begin(), row.end(), 0.0F) / static_cast<float>(width);
    float squares = 0;
    for (const float value : row) squares += (value - mean) * (value - mean);
    const float deviation = std::sqrt(squares / static_cast<float>(width) + kLayerNormEpsilon);
    for (std::size_t i = 0; i < width; ++i) row[i] = (row[i] - mean) / deviation * norm.scale[i] + norm.shift[i];
  }
  return rows;
}

std::size_t WidthIn(const DenseStep& dense) { return dense.in; }
std::size_t WidthIn(const LayerNormStep& norm) { return norm.scale.size(); }
std::size_t WidthIn(const NormalizeStep&) { return 0; }

std::string Describe(const DenseStep& dense) {
  return fmt::format("dense {} -> {}, {}", dense.in, dense.out, dense.activation);
}
std::string Describe(const LayerNormStep& norm) { return fmt::format("layer norm of {}", norm.scale.size()); }
std::string Describe(const NormalizeStep&) { return "normalize"; }

}  // namespace

Result<VectorStep> ReadDense(const fs::path& folder) {
  const auto config = ReadConfig(folder);
  if (!config) return std::unexpected(config.error());
  DenseStep dense;
  bool bias = true;
  bool residual = false;
  std::string activation = "torch.nn.modules.activation.Tanh";
  std::string input = "sentence_embedding";
  Status status = config->Get("in_features", 1, kMostWidth, dense.in);
  if (status) status = config->Get("out_features", 1, kMostWidth, dense.out);
  if (status) status = config->Get("bias", bias);
  if (status) status = config->Get("activation_function", activation);
  if (status) status = config->Get("module_input_name", input);
  if (status) status = config->Get("use_residual", residual);
  if (!status) return Forward(status);
  if (dense.in == 0 || dense.out == 0) return config->Refuse("in_features or out_features is missing");
  if (input != "sentence_embedding") return config->Refuse(fmt::format("a Dense module on {} is not served", input));
  if (residual) return config->Refuse("a Dense module with use_residual is not served");
  dense.activation = activation.substr(activation.rfind('.') + 1);
  const auto found = std::ranges::find(kFunctions, dense.activation, &Function::name);
  if (found == kFunctions.end() || !activation.starts_with("torch.nn.")) {
    return config->Refuse(
        fmt::format("the activation {} is not served (served are Identity, Tanh, ReLU, GELU, Sigmoid "
                    "and SiLU of torch.nn)",
                    activation));
  }
  dense.function = found->function;
  const auto weights = ReadWeights(folder);
  if (!weights) return std::unexpected(weights.error());
  const auto in = static_cast<std::int64_t>(dense.in);
  const auto out = static_cast<std::int64_t>(dense.out);
  const auto matrix = Take(*weights, "linear.weight", {out, in}, folder);
  if (!matrix) return std::unexpected(matrix.error());
  dense.weights = Transposed(*matrix, dense.out, dense.in);
  dense.bias.assign(dense.out, 0.0F);
  if (bias) {
    auto values = Take(*weights, "linear.bias", {out}, folder);
    if (!values) return Forward(values);
    dense.bias = std::move(*values);
  }
  return dense;
}

Result<VectorStep> ReadLayerNorm(const fs::path& folder) {
  const auto config = ReadConfig(folder);
  if (!config) return std::unexpected(config.error());
  std::size_t width = 0;
  Status status = config->Get("dimension", 1, kMostWidth, width);
  if (!status) return Forward(status);
  if (width == 0) return config->Refuse("dimension is missing");
  const auto weights = ReadWeights(folder);
  if (!weights) return std::unexpected(weights.error());
  const Shape shape = {static_cast<std::int64_t>(width)};
  auto scale = Take(*weights, "norm.weight", shape, folder);
  if (!scale) return Forward(scale);
  auto shift = Take(*weights, "norm.bias", shape, folder);
  if (!shift) return Forward(shift);
  return LayerNormStep{.scale = std::move(*scale), .shift = std::move(*shift)};
}

Result<std::size_t> WidthAfter(const VectorStep& step, std::size_t width) {
  const std::size_t wanted = std::visit([](const auto& one) { return WidthIn(one); }, step);
  if (wanted != 0 && width != 0 && wanted != width) {
    return Fail(Code::kUnprocessable,
                fmt::format("the module '{}' does not fit vectors of {}", DescribeStep(step), width));
  }
  const auto* dense = std::get_if<DenseStep>(&step);
  return dense != nullptr ? dense->out : std::max(width, wanted);
}

std::string DescribeStep(const VectorStep& step) {
  return std::visit([](const auto& one) { return Describe(one); }, step);
}

Tensor ApplyStep(const VectorStep& step, Tensor rows) {
  return std::visit([&rows](const auto& one) { return Apply(one, std::move(rows)); }, step);
}

}  // namespace weir
