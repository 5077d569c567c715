#include "convert/onnx_graph.h"

#include <fmt/format.h>

#include <fstream>
#include <utility>

#include "onnx_file.pb.h"

namespace weir::convert {
namespace {

using onnx_file::AttributeProto;

constexpr int kIrVersion = 8;
constexpr int kOpset = 17;
constexpr std::string_view kMicrosoft = "com.microsoft";
constexpr std::size_t kPage = 4096;         // where a large weight begins, so that it can be mapped
constexpr std::size_t kInsideBytes = 1024;  // smaller weights lie in the graph's file

}  // namespace

int OnnxType(DataType type) {
  switch (type) {
    case DataType::kFp32: return 1;
    case DataType::kUint8: return 2;
    case DataType::kInt8: return 3;
    case DataType::kUint16: return 4;
    case DataType::kInt16: return 5;
    case DataType::kInt32: return 6;
    case DataType::kInt64: return 7;
    case DataType::kBytes: return 8;
    case DataType::kBool: return 9;
    case DataType::kFp16: return 10;
    case DataType::kFp64: return 11;
    case DataType::kUint32: return 12;
    case DataType::kUint64: return 13;
    case DataType::kBf16: return 16;
  }
  return 0;
}

namespace {

void Describe(onnx_file::ValueInfoProto& info, const Value& name, DataType type, const Dimensions& dimensions) {
  info.set_name(name);
  auto& tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(OnnxType(type));
  auto& shape = *tensor.mutable_shape();
  for (const Dimension& dimension : dimensions) {
    auto& written = *shape.add_dim();
    if (const auto* size = std::get_if<std::int64_t>(&dimension)) written.set_dim_value(*size);
    if (const auto* named = std::get_if<std::string>(&dimension)) written.set_dim_param(*named);
  }
}

void Write(const Attribute& attribute, AttributeProto& into) {
  if (const auto* whole = std::get_if<std::int64_t>(&attribute)) {
    into.set_type(AttributeProto::INT);
    into.set_i(*whole);
  } else if (const auto* real = std::get_if<float>(&attribute)) {
    into.set_type(AttributeProto::FLOAT);
    into.set_f(*real);
  } else {
    into.set_type(AttributeProto::INTS);
    for (const std::int64_t item : std::get<std::vector<std::int64_t>>(attribute)) into.add_ints(item);
  }
}

void Tell(onnx_file::TensorProto& tensor, const std::string& key, const std::string& value) {
  auto& entry = *tensor.add_external_data();
  entry.set_key(key);
  entry.set_value(value);
}

Status CannotWrite(const std::filesystem::path& file) {
  return Fail(Code::kUnavailable, fmt::format("{} cannot be written: is there room on the disk?", file.string()));
}

}  // namespace

struct OnnxGraph::Parts {
  onnx_file::GraphProto graph;
  std::vector<std::pair<std::string, Tensor>> weights;
  std::size_t values = 0;  // that have been named

  std::string Name(std::string_view hint) { return fmt::format("{}.{}", hint, values++); }
};

OnnxGraph::OnnxGraph(const std::string& name) : parts_(std::make_unique<Parts>()) { parts_->graph.set_name(name); }
OnnxGraph::~OnnxGraph() = default;

Value OnnxGraph::Input(const std::string& name, DataType type, const Dimensions& dimensions) {
  Describe(*parts_->graph.add_input(), name, type, dimensions);
  return name;
}

void OnnxGraph::Output(const Value& value, DataType type, const Dimensions& dimensions) {
  Describe(*parts_->graph.add_output(), value, type, dimensions);
}

Value OnnxGraph::Weight(std::string_view hint, Tensor tensor) {
  parts_->weights.emplace_back(parts_->Name(hint), std::move(tensor));
  return parts_->weights.back().first;
}

Value OnnxGraph::Scalars(std::string_view hint, const std::vector<std::int64_t>& values) {
  Tensor tensor = Tensor::Uninitialised(DataType::kInt64, {static_cast<std::int64_t>(values.size())});
  std::ranges::copy(values, tensor.Mutable<std::int64_t>().begin());
  return Weight(hint, std::move(tensor));
}

Value OnnxGraph::Node(std::string_view type, const std::vector<Value>& inputs, const Attributes& attributes,
                      std::string_view hint) {
  Value output = parts_->Name(hint.empty() ? type.substr(type.find(':') + 1) : hint);
  NodeInto(type, inputs, {output}, attributes);
  return output;
}

void OnnxGraph::NodeInto(std::string_view type, const std::vector<Value>& inputs, const std::vector<Value>& outputs,
                         const Attributes& attributes) {
  auto& node = *parts_->graph.add_node();
  node.set_name(outputs.front());
  if (const std::size_t colon = type.find(':'); colon != std::string_view::npos) {
    node.set_domain(std::string(type.substr(0, colon)));
    type.remove_prefix(colon + 1);
  }
  node.set_op_type(std::string(type));
  for (const Value& input : inputs) node.add_input(input);
  for (const Value& output : outputs) node.add_output(output);
  for (const auto& [name, attribute] : attributes) {
    auto& written = *node.add_attribute();
    written.set_name(name);
    convert::Write(attribute, written);
  }
}

Status OnnxGraph::Write(const std::filesystem::path& folder) const {
  onnx_file::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("weir");
  model.add_opset_import()->set_version(kOpset);
  auto& own = *model.add_opset_import();
  own.set_domain(std::string(kMicrosoft));
  own.set_version(1);
  *model.mutable_graph() = parts_->graph;

  const std::string name = parts_->graph.name() + ".onnx";
  const std::filesystem::path data_file = folder / (name + ".data");
  std::ofstream data(data_file, std::ios::binary);
  std::size_t at = 0;
  for (const auto& [label, tensor] : parts_->weights) {
    auto& written = *model.mutable_graph()->add_initializer();
    written.set_name(label);
    written.set_data_type(OnnxType(tensor.type()));
    for (const std::int64_t size : tensor.shape()) written.add_dims(size);
    const std::string_view bytes(reinterpret_cast<const char*>(tensor.data()), tensor.bytes());
    if (bytes.size() < kInsideBytes) {
      written.set_raw_data(std::string(bytes));
      continue;
    }
    const std::size_t begin = (at + kPage - 1) / kPage * kPage;
    data << std::string(begin - at, '\0') << bytes;
    at = begin + bytes.size();
    written.set_data_location(onnx_file::TensorProto::EXTERNAL);
    Tell(written, "location", data_file.filename().string());
    Tell(written, "offset", std::to_string(begin));
    Tell(written, "length", std::to_string(bytes.size()));
  }
  data.close();
  if (!data) return CannotWrite(data_file);
  std::ofstream file(folder / name, std::ios::binary);
  if (!model.SerializeToOstream(&file)) return CannotWrite(folder / name);
  file.close();
  if (!file) return CannotWrite(folder / name);
  return {};
}

}  // namespace weir::convert
