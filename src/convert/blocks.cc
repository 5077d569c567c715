#include "convert/blocks.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace weir::convert {
namespace {

constexpr float kNormEpsilon = 1e-5F;

Tensor Fp32(const Matrix& matrix, Shape shape) {
  Tensor tensor = Tensor::Uninitialised(DataType::kFp32, std::move(shape));
  std::ranges::transform(matrix.values, tensor.Mutable<float>().begin(),
                         [](double value) { return static_cast<float>(value); });
  return tensor;
}

}  // namespace

std::int64_t Heads::Place(std::int64_t column) const {
  const std::int64_t head = column / size;
  const std::int64_t inside = column % size;
  const std::int64_t half = size / 2;
  return head * padded() + (inside < half ? inside : padded() / 2 + inside - half);
}

Matrix::Matrix(std::int64_t rows, std::int64_t columns)
    : rows(rows), columns(columns), values(static_cast<std::size_t>(rows * columns)) {}

Matrix::Matrix(const Tensor& tensor)
    : Matrix(tensor.shape().size() == 2 ? tensor.shape()[0] : 1, tensor.shape().back()) {
  std::ranges::copy(tensor.As<float>(), values.begin());
}

Matrix Matrix::Transposed() const {
  Matrix turned(columns, rows);
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) turned.at(column, row) = at(row, column);
  }
  return turned;
}

Tensor Matrix::AsTensor() const { return Fp32(*this, {rows, columns}); }
Tensor Matrix::AsRow() const { return Fp32(*this, {rows * columns}); }

Matrix Multiply(const Matrix& left, const Matrix& right) {
  Matrix product(left.rows, right.columns);
  for (std::int64_t row = 0; row < left.rows; ++row) {
    for (std::int64_t inner = 0; inner < left.columns; ++inner) {
      const double factor = left.at(row, inner);
      for (std::int64_t column = 0; column < right.columns; ++column) {
        product.at(row, column) += factor * right.at(inner, column);
      }
    }
  }
  return product;
}

Matrix Joined(const std::vector<Matrix>& parts) {
  std::int64_t columns = 0;
  for (const Matrix& part : parts) columns += part.columns;
  Matrix joined(parts.front().rows, columns);
  std::int64_t begin = 0;
  for (const Matrix& part : parts) {
    for (std::int64_t row = 0; row < part.rows; ++row) {
      for (std::int64_t column = 0; column < part.columns; ++column)
        joined.at(row, begin + column) = part.at(row, column);
    }
    begin += part.columns;
  }
  return joined;
}

Matrix PadColumns(const Matrix& matrix, const Heads& heads) {
  Matrix padded(matrix.rows, heads.padded_width());
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    for (std::int64_t column = 0; column < matrix.columns; ++column) {
      padded.at(row, heads.Place(column)) = matrix.at(row, column);
    }
  }
  return padded;
}

void ExpectLinear(const std::string& name, std::int64_t out, std::int64_t in, std::map<std::string, Shape>& expected) {
  expected[name + ".weight"] = {out, in};
  expected[name + ".bias"] = {out};
}

void ExpectBlock(const std::string& prefix, const BlockSizes& sizes, std::map<std::string, Shape>& expected) {
  for (const char* norm : {"norm1", "norm2"}) expected[prefix + norm + ".weight"] = {sizes.width};
  for (const char* projection : {"q_proj", "k_proj", "v_proj", "out_proj"}) {
    ExpectLinear(prefix + "self_attn." + projection, sizes.width, sizes.width, expected);
  }
  expected[prefix + "self_attn.rotary.inv_freq"] = {sizes.heads.size / 2};
  for (const char* up : {"w1", "w3"}) expected[prefix + "ffn." + up + ".weight"] = {sizes.feed_forward, sizes.width};
  expected[prefix + "ffn.w2.weight"] = {sizes.width, sizes.feed_forward};
}

Value Blocks::Linear(const Value& x, const Matrix& weights, const Matrix& bias, std::string_view hint) {
  const Value product = graph_.Node("MatMul", {x, graph_.Weight(fmt::format("{}.weight", hint), weights.AsTensor())});
  return graph_.Node("Add", {product, graph_.Weight(fmt::format("{}.bias", hint), bias.AsRow())});
}

Value Blocks::Linear(const Value& x, const std::string& name) {
  return Linear(x, Weights(name + ".weight").Transposed(), Weights(name + ".bias"), name);
}

Value Blocks::Norm(const Value& x, const std::string& name) {
  const Value scale = graph_.Weight(name, checkpoint_.Take(name + ".weight"));
  // Root mean square: x / sqrt(mean(x^2) + epsilon) * scale.
  return graph_.Node("SimplifiedLayerNormalization", {x, scale},
                     {{"axis", std::int64_t{-1}}, {"epsilon", kNormEpsilon}, {"stash_type", std::int64_t{1}}});
}

Angles Blocks::Rotary(const std::string& name, const Heads& heads, std::int64_t positions) {
  const Tensor frequencies = checkpoint_.Take(name);
  const auto frequency = frequencies.As<float>();
  Matrix cosines(positions, heads.padded() / 2);
  Matrix sines = cosines;
  for (std::int64_t position = 0; position < positions; ++position) {
    for (std::int64_t place = 0; place < cosines.columns; ++place) {
      const bool is_padding = place >= heads.size / 2;
      // The angle as a float, as the original has it.
      const float angle = is_padding ? 0.0F : static_cast<float>(position) * frequency[static_cast<std::size_t>(place)];
      cosines.at(position, place) = std::cos(static_cast<double>(angle));
      sines.at(position, place) = std::sin(static_cast<double>(angle));
    }
  }
  return {.cosines = graph_.Weight("cosines", cosines.AsTensor()), .sines = graph_.Weight("sines", sines.AsTensor())};
}

Value Blocks::Attention(const std::vector<Value>& query_key_value, const Heads& heads, const Rows& rows,
                        const Angles* angles, const Cache* cache) {
  const bool is_half = cache != nullptr && cache->type == DataType::kFp16;
  const auto as_cached = [&](const Value& value) { return is_half ? Cast(value, DataType::kFp16) : value; };
  std::vector<Value> inputs;
  for (const Value& value : query_key_value) inputs.push_back(as_cached(value));
  inputs.resize(3);
  inputs.push_back(cache == nullptr ? "" : cache->past_key);
  inputs.push_back(cache == nullptr ? "" : cache->past_value);
  inputs.push_back(rows.last);
  inputs.push_back(rows.total);
  if (angles != nullptr) {
    inputs.push_back(as_cached(angles->cosines));
    inputs.push_back(as_cached(angles->sines));
  }
  const std::size_t number = unused_++;
  const Value output = fmt::format("attention.{}", number);
  graph_.NodeInto("com.microsoft:GroupQueryAttention", inputs,
                  {output, cache == nullptr ? fmt::format("key.{}", number) : cache->present_key,
                   cache == nullptr ? fmt::format("value.{}", number) : cache->present_value},
                  {{"num_heads", heads.count},
                   {"kv_num_heads", heads.count},
                   {"scale", static_cast<float>(1 / std::sqrt(static_cast<double>(heads.size)))},
                   {"do_rotary", std::int64_t{angles == nullptr ? 0 : 1}}});
  return is_half ? Cast(output, DataType::kFp32) : output;
}

Value Blocks::Cast(const Value& value, DataType type) {
  return graph_.Node("Cast", {value}, {{"to", std::int64_t{OnnxType(type)}}});
}

Value Blocks::Block(const Value& x, const std::string& prefix, const BlockSizes& sizes, const Angles& angles,
                    const Rows& rows, const Cache* cache) {
  const std::string attention = prefix + "self_attn.";
  std::vector<Matrix> weights;
  std::vector<Matrix> biases;
  for (const char* projection : {"q_proj", "k_proj", "v_proj"}) {
    weights.push_back(PadColumns(Weights(attention + projection + ".weight").Transposed(), sizes.heads));
    biases.push_back(PadColumns(Weights(attention + projection + ".bias"), sizes.heads));
  }
  const Value packed = Linear(Norm(x, prefix + "norm1"), Joined(weights), Joined(biases), prefix + "qkv");
  const Value attended = Attention({packed}, sizes.heads, rows, &angles, cache);
  const Matrix out = PadColumns(Weights(attention + "out_proj.weight"), sizes.heads).Transposed();
  const Value first =
      graph_.Node("Add", {x, Linear(attended, out, Weights(attention + "out_proj.bias"), prefix + "out_proj")});
  const Matrix up =
      Joined({Weights(prefix + "ffn.w1.weight").Transposed(), Weights(prefix + "ffn.w3.weight").Transposed()});
  const Value both =
      graph_.Node("MatMul", {Norm(first, prefix + "norm2"), graph_.Weight(prefix + "ffn.up", up.AsTensor())});
  const Value gate = fmt::format("{}gate", prefix);
  const Value value = fmt::format("{}value", prefix);
  graph_.NodeInto("Split", {both, graph_.Scalars("halves", {sizes.feed_forward, sizes.feed_forward})}, {gate, value},
                  {{"axis", std::int64_t{-1}}});
  // x * sigmoid(x), by its name in ONNX Runtime.
  const Value silu = graph_.Node("com.microsoft:QuickGelu", {gate}, {{"alpha", 1.0F}});
  const Value down = graph_.Node(
      "MatMul", {graph_.Node("Mul", {silu, value}),
                 graph_.Weight(prefix + "ffn.down", Weights(prefix + "ffn.w2.weight").Transposed().AsTensor())});
  return graph_.Node("Add", {first, down});
}

}  // namespace weir::convert
