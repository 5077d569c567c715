// A graph of ONNX operators that is built by code and written to a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/tensor.h"

namespace weir::convert {

// A size, or the name of one that is known only when the graph runs.
using Dimension = std::variant<std::int64_t, std::string>;
using Dimensions = std::vector<Dimension>;

// The number that ONNX has for it: TensorProto.DataType.
int OnnxType(DataType type);

// A value in the graph, by its name; "" is an input that is left out.
using Value = std::string;

using Attribute = std::variant<std::int64_t, float, std::vector<std::int64_t>>;
using Attributes = std::vector<std::pair<std::string, Attribute>>;

// Confined to one thread. Weights are kept by reference until they are written.
class OnnxGraph {
 public:
  explicit OnnxGraph(const std::string& name);
  ~OnnxGraph();

  Value Input(const std::string& name, DataType type, const Dimensions& dimensions);
  // What the graph gives under `value`'s own name.
  void Output(const Value& value, DataType type, const Dimensions& dimensions);
  // A constant; `hint` makes names that people can read.
  Value Weight(std::string_view hint, Tensor tensor);
  Value Scalars(std::string_view hint, const std::vector<std::int64_t>& values);  // of one dimension
  // An operator with one output. "com.microsoft:X" is X of ONNX Runtime's own.
  Value Node(std::string_view type, const std::vector<Value>& inputs, const Attributes& attributes = {},
             std::string_view hint = {});
  // With outputs of these names.
  void NodeInto(std::string_view type, const std::vector<Value>& inputs, const std::vector<Value>& outputs,
                const Attributes& attributes = {});

  // Blocks. The graph as FOLDER/NAME.onnx; its weights beside it in NAME.onnx.data, where a runtime can map them.
  // kUnavailable when they cannot be written.
  Status Write(const std::filesystem::path& folder) const;

 private:
  struct Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace weir::convert
