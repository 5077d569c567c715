// What a Kronos tokenizer and predictor have in common: their blocks, as ONNX operators.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "convert/checkpoint.h"
#include "convert/onnx_graph.h"
#include "model/tensor.h"

namespace weir::convert {

// Attention heads. ONNX Runtime's rotary operator wants halves of a multiple of eight, so each half of a head is padded
// by zeros, which change no product.
struct Heads {
  std::int64_t count = 1;
  std::int64_t size = 2;  // even

  std::int64_t padded() const { return (size / 2 + 7) / 8 * 8 * 2; }
  std::int64_t width() const { return count * size; }
  std::int64_t padded_width() const { return count * padded(); }
  // Where a column of all heads lies once they are padded.
  std::int64_t Place(std::int64_t column) const;
};

// A matrix of doubles, row-major: what is folded is folded in them.
struct Matrix {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<double> values;

  Matrix(std::int64_t rows, std::int64_t columns);
  explicit Matrix(const Tensor& tensor);  // of one or two dimensions; one is a row

  double& at(std::int64_t row, std::int64_t column) { return values[static_cast<std::size_t>(row * columns + column)]; }
  double at(std::int64_t row, std::int64_t column) const {
    return values[static_cast<std::size_t>(row * columns + column)];
  }
  Matrix Transposed() const;
  Tensor AsTensor() const;  // of two dimensions
  Tensor AsRow() const;     // of one
};

Matrix Multiply(const Matrix& left, const Matrix& right);
// Side by side; all have as many rows.
Matrix Joined(const std::vector<Matrix>& parts);
// Columns moved to their places in padded heads, zeros between.
Matrix PadColumns(const Matrix& matrix, const Heads& heads);

// What attention is told of the rows of a batch.
struct Rows {
  Value last;   // i32 [batch]: places of the last valid positions, counted with the past
  Value total;  // i32: the most positions of a row, counted with the past
};

// Keys and values of the past, and where they go.
struct Cache {
  Value past_key;
  Value past_value;
  Value present_key;
  Value present_value;
  DataType type = DataType::kFp32;  // FP16: attention itself is computed from such numbers
};

struct Angles {
  Value cosines;
  Value sines;
};

// How a block is made: names of its tensors as the published layout has them.
struct BlockSizes {
  std::int64_t width = 0;
  std::int64_t feed_forward = 0;
  Heads heads;
};

// The tensors of a block with their shapes; `prefix` as "transformer.0.".
void ExpectBlock(const std::string& prefix, const BlockSizes& sizes, std::map<std::string, Shape>& expected);
void ExpectLinear(const std::string& name, std::int64_t out, std::int64_t in, std::map<std::string, Shape>& expected);

// Builds into one graph with the weights of one checkpoint. Confined to one thread.
class Blocks {
 public:
  Blocks(OnnxGraph& graph, const Checkpoint& checkpoint) : graph_(graph), checkpoint_(checkpoint) {}

  // x * weights + bias, with both already as the operators want them.
  Value Linear(const Value& x, const Matrix& weights, const Matrix& bias, std::string_view hint);
  // NAME.weight and NAME.bias of the checkpoint.
  Value Linear(const Value& x, const std::string& name);
  Value Norm(const Value& x, const std::string& name);
  // Angles of the positions 0 to `positions` - 1, by the frequencies of the checkpoint.
  Angles Rotary(const std::string& name, const Heads& heads, std::int64_t positions);
  // x + attention(norm(x)), then x + feed-forward(norm(x)). No cache: the rows begin at position 0.
  Value Block(const Value& x, const std::string& prefix, const BlockSizes& sizes, const Angles& angles,
              const Rows& rows, const Cache* cache = nullptr);
  // Attention of queries to keys and values; with `angles` both are turned by their positions.
  Value Attention(const std::vector<Value>& query_key_value, const Heads& heads, const Rows& rows, const Angles* angles,
                  const Cache* cache);

 private:
  Value Cast(const Value& value, DataType type);
  Matrix Weights(const std::string& name) const { return Matrix(checkpoint_.Take(name)); }

  OnnxGraph& graph_;
  const Checkpoint& checkpoint_;
  std::size_t unused_ = 0;  // outputs that nobody takes
};

}  // namespace weir::convert
