#include "codec/oip.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

#include "base/nearest.h"
#include "base/version.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"
#include "codec/tensor_bytes.h"
#include "model/half.h"

namespace weir::codec {
namespace {

const std::vector<std::string> kTypeNames = {"BOOL",  "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16",
                                             "INT32", "INT64", "FP16",   "BF16",   "FP32",   "FP64", "BYTES"};

// Numbers of 16 bits as they lie in a tensor.
struct F16 {
  F16() = default;
  explicit F16(float value) : bits(ToF16(value)) {}
  float Wide() const { return FromF16(bits); }
  std::uint16_t bits = 0;
};
struct Bf16 {
  Bf16() = default;
  explicit Bf16(float value) : bits(ToBf16(value)) {}
  float Wide() const { return FromBf16(bits); }
  std::uint16_t bits = 0;
};

// Fills a tensor from JSON data, flat or nested as the shape says.
class DataReader {
 public:
  DataReader(const std::string& path, Tensor& tensor) : path_(path), tensor_(tensor) {}

  Status Read(simdjson::dom::array data) {
    switch (tensor_.type()) {
      case DataType::kBool: return ReadAs<bool>(data);
      case DataType::kUint8: return ReadAs<std::uint8_t>(data);
      case DataType::kUint16: return ReadAs<std::uint16_t>(data);
      case DataType::kUint32: return ReadAs<std::uint32_t>(data);
      case DataType::kUint64: return ReadAs<std::uint64_t>(data);
      case DataType::kInt8: return ReadAs<std::int8_t>(data);
      case DataType::kInt16: return ReadAs<std::int16_t>(data);
      case DataType::kInt32: return ReadAs<std::int32_t>(data);
      case DataType::kInt64: return ReadAs<std::int64_t>(data);
      case DataType::kFp32: return ReadAs<float>(data);
      case DataType::kFp64: return ReadAs<double>(data);
      case DataType::kFp16: return ReadAs<F16>(data);
      case DataType::kBf16: return ReadAs<Bf16>(data);
      case DataType::kBytes: return ReadAs<std::string>(data);
    }
    return {};
  }

 private:
  template <typename T>
  Status ReadAs(simdjson::dom::array data) {
    simdjson::dom::element first;
    const bool nested = !data.at(0).get(first) && first.is_array();
    Status read = nested ? ReadNested<T>(data, 0) : ReadFlat<T>(data);
    if (!read) return read;
    if (filled_ != tensor_.elements()) {
      return InvalidArgument(fmt::format("'{}.data' has {} values, shape {} has {}", path_, filled_,
                                         ShapeString(tensor_.shape()), tensor_.elements()),
                             path_ + ".data");
    }
    return {};
  }

  template <typename T>
  Status ReadNested(simdjson::dom::array data, std::size_t depth) {
    if (depth >= tensor_.shape().size()) return WrongNesting();
    // Not array::size(), which stops counting at 2^24 - 1.
    std::int64_t count = 0;
    const bool last = depth + 1 == tensor_.shape().size();
    if (last) {
      const std::size_t before = filled_;
      Status read = ReadFlat<T>(data);
      if (!read) return read;
      count = static_cast<std::int64_t>(filled_ - before);
    } else {
      for (const JsonElement item : data) {
        simdjson::dom::array inner;
        if (item.get(inner)) return WrongNesting();
        Status read = ReadNested<T>(inner, depth + 1);
        if (!read) return read;
        ++count;
      }
    }
    return count == tensor_.shape()[depth] ? Status() : WrongNesting();
  }

  template <typename T>
  Status ReadFlat(simdjson::dom::array data) {
    for (const JsonElement item : data) {
      if (filled_ == tensor_.elements()) {
        return InvalidArgument(fmt::format("'{}.data' has more values than the {} of shape {}", path_,
                                           tensor_.elements(), ShapeString(tensor_.shape())),
                               path_ + ".data");
      }
      T value{};
      if (item.is_array()) return WrongNesting();
      if (!Convert(item, value)) {
        return InvalidArgument(
            fmt::format("'{}.data' value {} is not {}", path_, filled_, Wanted<T>(DataTypeName(tensor_.type()))),
            path_ + ".data");
      }
      tensor_.Mutable<T>()[filled_++] = value;
    }
    return {};
  }

  template <typename T>
  static std::string Wanted(std::string_view type) {
    if (std::is_same_v<T, std::string>) return "a string, as which JSON has BYTES";
    return fmt::format("{} in the range of {}", std::is_same_v<T, bool> ? "a boolean" : "a number", type);
  }

  template <typename T>
  static bool Convert(JsonElement item, T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      return !item.get(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      std::string_view text;
      if (item.get(text)) return false;
      value = text;
      return true;
    } else if constexpr (requires { value.bits; }) {
      float number = 0;
      if (!Convert(item, number)) return false;
      value = T(number);
      return std::isfinite(value.Wide());
    } else if constexpr (std::is_floating_point_v<T>) {
      double number = 0;
      if (item.get(number)) return false;
      value = static_cast<T>(number);
      return std::abs(number) <= std::numeric_limits<T>::max();
    } else if constexpr (std::is_unsigned_v<T>) {
      std::uint64_t number = 0;
      if (item.get(number) || number > std::numeric_limits<T>::max()) return false;
      value = static_cast<T>(number);
      return true;
    } else {
      std::int64_t number = 0;
      if (item.get(number) || number < std::numeric_limits<T>::min() || number > std::numeric_limits<T>::max()) {
        return false;
      }
      value = static_cast<T>(number);
      return true;
    }
  }

  Status WrongNesting() const {
    return InvalidArgument(
        fmt::format("'{}.data' is nested otherwise than shape {}", path_, ShapeString(tensor_.shape())),
        path_ + ".data");
  }

  const std::string& path_;
  Tensor& tensor_;
  std::size_t filled_ = 0;
};

Result<DataType> TypeNamed(const std::string& name, const std::string& input, std::string path) {
  const std::optional<DataType> type = DataTypeFromName(name);
  if (type) return *type;
  return InvalidArgument(fmt::format("input '{}' has datatype '{}', which the protocol does not know{}", input, name,
                                     DidYouMean(name, kTypeNames)),
                         std::move(path));
}

Result<Shape> ParseShape(const JsonObject& input) {
  auto array = input.RequireArray("shape");
  if (!array) return Forward(array);
  Shape shape;
  shape.reserve(std::min(array->size(), kMostDimensions));
  for (const JsonElement item : *array) {
    std::int64_t size = 0;
    if (item.get(size) || size < 0 || shape.size() >= kMostDimensions) {
      return InvalidArgument(
          fmt::format("'{}' must be a list of at most {} sizes of 0 or more", input.Path("shape"), kMostDimensions),
          input.Path("shape"));
    }
    shape.push_back(size);
  }
  return shape;
}

// The binary data of a request, taken one input after the other.
class BinaryData {
 public:
  BinaryData(std::string_view bytes, const std::shared_ptr<const void>& owner) : left_(bytes), owner_(owner) {}

  std::size_t left() const { return left_.size(); }

  // The next `size` bytes as a tensor.
  Result<Tensor> Take(std::int64_t size, DataType type, Shape shape, const std::string& path) {
    const auto bytes = static_cast<std::size_t>(size);
    const std::optional<std::size_t> count = ElementCount(shape);
    const std::size_t width = type == DataType::kBytes ? 0 : DataTypeSize(type);
    if (!count || (width > 0 && (*count != bytes / width || bytes % width != 0))) {
      return InvalidArgument(fmt::format("'{}' is {}, but shape {} of {} has {} values of {} bytes", path, size,
                                         ShapeString(shape), DataTypeName(type), count.value_or(0), width),
                             path);
    }
    if (bytes > left_.size()) {
      return InvalidArgument(
          fmt::format("'{}' is {}, but only {} bytes of binary data are left", path, size, left_.size()), path);
    }
    const std::string_view data = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    Result<Tensor> tensor = TensorOfBytes(type, std::move(shape), data, owner_);
    if (!tensor) return InvalidArgument(fmt::format("'{}': {}", path, tensor.error().message), path);
    return tensor;
  }

 private:
  std::string_view left_;
  const std::shared_ptr<const void>& owner_;
};

// What an input says of its binary data; nullopt when its data are JSON.
Result<std::optional<std::int64_t>> BinarySizeOf(const JsonObject& input) {
  const auto parameters = input.FindObject("parameters");
  if (!parameters) return std::unexpected(parameters.error());
  if (!*parameters) return std::nullopt;
  auto size = (*parameters)->FindInt("binary_data_size", 0, std::int64_t{1} << 40);
  if (!size || !*size) return size;
  const auto data = input.Find("data");
  if (data && *data) {
    return InvalidArgument(fmt::format("'{}' and parameters.binary_data_size exclude each other", input.Path("data")),
                           input.Path("data"));
  }
  return size;
}

// One element of "inputs". No body holds more than `most_values` values, so a shape that asks for more costs no memory.
Result<NamedTensor> ParseTensor(const JsonObject& input, const std::string& path, std::size_t most_values,
                                BinaryData& binary) {
  auto name = input.RequireString("name");
  if (!name) return Forward(name);
  auto datatype = input.RequireString("datatype");
  if (!datatype) return Forward(datatype);
  Result<DataType> type = TypeNamed(*datatype, *name, input.Path("datatype"));
  if (!type) return Forward(type);
  auto shape = ParseShape(input);
  if (!shape) return Forward(shape);
  const auto binary_size = BinarySizeOf(input);
  if (!binary_size) return std::unexpected(binary_size.error());
  if (*binary_size) {
    Result<Tensor> tensor =
        binary.Take(**binary_size, *type, std::move(*shape), input.Path("parameters.binary_data_size"));
    if (!tensor) return Forward(tensor);
    return NamedTensor{std::move(*name), std::move(*tensor)};
  }
  auto data = input.RequireArray("data");
  if (!data) return Forward(data);
  const std::optional<std::size_t> count = ElementCount(*shape);
  if (!count || *count > most_values) {
    return InvalidArgument(fmt::format("'{}.data' has fewer values than shape {} asks for", path, ShapeString(*shape)),
                           input.Path("data"));
  }
  Tensor tensor = Tensor::Uninitialised(*type, std::move(*shape));
  Status read = DataReader(path, tensor).Read(*data);
  if (!read) return Forward(read);
  return NamedTensor{std::move(*name), std::move(tensor)};
}

Result<std::vector<NamedTensor>> ParseInputs(const JsonObject& body, std::size_t most_values, BinaryData binary) {
  auto array = body.RequireArray("inputs");
  if (!array) return Forward(array);
  std::vector<NamedTensor> inputs;
  inputs.reserve(std::min(array->size(), kMostTensors));
  for (const JsonElement item : *array) {
    if (inputs.size() == kMostTensors) {
      return InvalidArgument(fmt::format("'inputs' has more than {} tensors", kMostTensors), "inputs");
    }
    const std::string path = Indexed("inputs", inputs.size());
    auto object = JsonObject::From(item, path);
    if (!object) return Forward(object);
    auto parsed = ParseTensor(*object, path, most_values, binary);
    if (!parsed) return Forward(parsed);
    inputs.push_back(std::move(*parsed));
  }
  if (binary.left() > 0) {
    return InvalidArgument(fmt::format("{} bytes of binary data belong to no input", binary.left()), "inputs");
  }
  return inputs;
}

// Whether these parameters ask for binary data.
Result<std::optional<bool>> BinaryIn(const JsonObject& object, std::string_view key) {
  const auto parameters = object.FindObject("parameters");
  if (!parameters) return std::unexpected(parameters.error());
  if (!*parameters) return std::nullopt;
  return (*parameters)->FindBool(key);
}

// How many classes an output asks for; 0: none.
Result<std::size_t> ClassesOf(const JsonObject& output) {
  const auto parameters = output.FindObject("parameters");
  if (!parameters) return std::unexpected(parameters.error());
  if (!*parameters) return 0;
  const auto classes = (*parameters)->FindInt("classification", 0, kMostClasses);
  if (!classes) return std::unexpected(classes.error());
  return static_cast<std::size_t>(classes->value_or(0));
}

Status ParseOutputs(const JsonObject& body, InferBody& parsed) {
  const auto all_binary = BinaryIn(body, "binary_data_output");
  if (!all_binary) return std::unexpected(all_binary.error());
  parsed.all_binary = all_binary->value_or(false);
  const auto given = body.Find("outputs");
  if (!given) return std::unexpected(given.error());
  if (!*given) return {};
  auto array = body.RequireArray("outputs");
  if (!array) return Forward(array);
  for (const JsonElement item : *array) {
    auto object = JsonObject::From(item, Indexed("outputs", parsed.outputs.size()));
    if (!object) return Forward(object);
    auto name = object->RequireString("name");
    if (!name) return Forward(name);
    const auto own = BinaryIn(*object, "binary_data");
    if (!own) return std::unexpected(own.error());
    const Result<std::size_t> classes = ClassesOf(*object);
    if (!classes) return std::unexpected(classes.error());
    parsed.outputs.push_back({.name = std::move(*name), .classes = *classes});
    parsed.binary.push_back(own->value_or(parsed.all_binary));
    if (parsed.outputs.size() > kMostTensors) {
      return InvalidArgument(fmt::format("'outputs' has more than {} tensors", kMostTensors), "outputs");
    }
  }
  return {};
}

// As Triton's configuration spells it.
std::string ConfigTypeName(DataType type) {
  return type == DataType::kBytes ? "TYPE_STRING" : fmt::format("TYPE_{}", DataTypeName(type));
}

void WriteSpecs(JsonWriter& json, const std::vector<TensorSpec>& specs) {
  json.BeginArray();
  for (const TensorSpec& spec : specs) {
    json.BeginObject().Key("name").String(spec.name).Key("datatype").String(DataTypeName(spec.type));
    json.Key("shape").BeginArray();
    for (const std::int64_t size : spec.shape) json.Int(size);
    json.EndArray().EndObject();
  }
  json.EndArray();
}

// 0 is none.
Status ParseTimeout(const JsonObject& parameters, InferBody& body) {
  const auto given = parameters.FindInt("timeout", 0, kMostTimeout);
  if (!given) return std::unexpected(given.error());
  body.timeout = TimeoutOf(given->value_or(0));
  return {};
}

// A name or a number.
Status ParsePriorityOf(const JsonObject& parameters, InferBody& body) {
  const auto found = parameters.Find("priority");
  if (!found) return std::unexpected(found.error());
  std::string_view name;
  if (!*found) return {};
  if (!(*found)->get(name)) {
    const Result<Priority> priority = ParsePriority(name);
    if (!priority) return InvalidArgument(priority.error().message, parameters.Path("priority"));
    body.priority = *priority;
    return {};
  }
  const auto number = parameters.FindInt("priority", 0, kMostPriority);
  if (!number) return std::unexpected(number.error());
  body.priority = PriorityOf(number->value_or(0));
  return {};
}

Status ParseParameters(const JsonObject& object, InferBody& body) {
  const auto parameters = object.FindObject("parameters");
  if (!parameters) return std::unexpected(parameters.error());
  if (!*parameters) return {};
  if (Status timeout = ParseTimeout(**parameters, body); !timeout) return timeout;
  return ParsePriorityOf(**parameters, body);
}

}  // namespace

Result<InferBytes> SplitInfer(std::string_view body, std::string_view json_length) {
  constexpr char kHeader[] = "Inference-Header-Content-Length";
  if (json_length.empty()) return InferBytes{body, {}};
  std::uint64_t length = 0;
  const char* const last = json_length.data() + json_length.size();
  const auto [end, error] = std::from_chars(json_length.data(), last, length);
  if (error == std::errc::invalid_argument || end != last) {
    return InvalidArgument(fmt::format("{} must be a number of bytes, not '{}'", kHeader, json_length));
  }
  if (error != std::errc() || length > body.size()) {
    return InvalidArgument(fmt::format("{} is {}, but the body has {} bytes", kHeader, json_length, body.size()));
  }
  return InferBytes{body.substr(0, length), body.substr(length)};
}

Result<InferBody> ParseInfer(const InferBytes& bytes, const std::shared_ptr<const void>& owner) {
  Result<JsonObject> object = ParseJsonObject(bytes.json);
  if (!object) return Forward(object);
  auto id = object->FindString("id");
  if (!id) return Forward(id);
  InferBody parsed{.id = id->value_or("")};
  if (Status outputs = ParseOutputs(*object, parsed); !outputs) return Forward(outputs);
  if (Status parameters = ParseParameters(*object, parsed); !parameters) return Forward(parameters);
  auto inputs = ParseInputs(*object, bytes.json.size(), BinaryData(bytes.binary, owner));
  if (!inputs) return Forward(inputs);
  parsed.inputs = std::move(*inputs);
  return parsed;
}

Result<InferText> WriteInfer(const std::string& model, const InferBody& request, const InferAnswer& answer) {
  const auto is_binary = [&](std::size_t i) {
    return request.outputs.empty() ? request.all_binary : request.binary[i];
  };
  JsonWriter json;
  json.BeginObject().Key("model_name").String(model).Key("model_version").String(answer.version);
  if (!request.id.empty()) json.Key("id").String(request.id);
  json.Key("outputs").BeginArray();
  bool any_binary = false;
  for (std::size_t i = 0; i < answer.outputs.size(); ++i) {
    const auto& [name, tensor] = answer.outputs[i];
    json.BeginObject().Key("name").String(name).Key("datatype").String(DataTypeName(tensor.type()));
    json.Key("shape").BeginArray();
    for (const std::int64_t size : tensor.shape()) json.Int(size);
    json.EndArray();
    if (is_binary(i)) {
      json.Key("parameters").BeginObject();
      json.Key("binary_data_size").Int(static_cast<std::int64_t>(ByteLength(tensor))).EndObject();
      any_binary = true;
    } else if (!json.Key("data").Elements(tensor)) {
      return Fail(Code::kUnprocessable,
                  fmt::format("output '{}' has BYTES that are not UTF-8: ask for it with binary_data", name),
                  "outputs");
    }
    json.EndObject();
  }
  json.EndArray().EndObject();
  InferText text{.body = json.Take()};
  if (!any_binary) return text;
  text.json_length = text.body.size();
  std::size_t length = text.body.size();
  for (std::size_t i = 0; i < answer.outputs.size(); ++i)
    length += is_binary(i) ? ByteLength(answer.outputs[i].tensor) : 0;
  text.body.reserve(length);
  for (std::size_t i = 0; i < answer.outputs.size(); ++i) {
    if (is_binary(i)) AppendBytes(answer.outputs[i].tensor, text.body);
  }
  return text;
}

std::string WriteModelMetadata(const std::string& model, const ModelDescription& description) {
  const Manifest& manifest = description.manifest;
  JsonWriter json;
  json.BeginObject().Key("name").String(model).Key("versions").BeginArray();
  for (const std::string& version : description.versions) json.String(version);
  json.EndArray();
  json.Key("platform").String(manifest.platform);
  json.Key("inputs");
  WriteSpecs(json, manifest.inputs);
  json.Key("outputs");
  WriteSpecs(json, manifest.outputs);
  json.EndObject();
  return json.Take();
}

std::string WriteModelConfig(const std::string& model, const ModelDescription& description) {
  const Manifest& manifest = description.manifest;
  const bool batches = HasBatchDimension(manifest);
  JsonWriter json;
  const auto tensors = [&](std::string_view key, const std::vector<TensorSpec>& specs) {
    json.Key(key).BeginArray();
    for (const TensorSpec& spec : specs) {
      json.BeginObject().Key("name").String(spec.name);
      json.Key("data_type").String(ConfigTypeName(spec.type)).Key("dims").BeginArray();
      for (const std::int64_t size : std::span(spec.shape).subspan(batches ? 1 : 0)) json.Int(size);
      json.EndArray().EndObject();
    }
    json.EndArray();
  };
  json.BeginObject().Key("name").String(model).Key("platform").String(manifest.platform);
  json.Key("backend").String("onnxruntime");
  json.Key("version_policy").BeginObject().Key("specific").BeginObject().Key("versions").BeginArray();
  for (const std::string& version : description.versions)
    json.Int(static_cast<std::int64_t>(ParseVersion(version).value_or(1)));
  json.EndArray().EndObject().EndObject();
  json.Key("max_batch_size").Int(batches ? kMostInABatch : 0);
  tensors("input", manifest.inputs);
  tensors("output", manifest.outputs);
  json.Key("instance_group").BeginArray().BeginObject().Key("name").String(model + "_0").Key("kind").String("KIND_CPU");
  json.Key("count").Int(static_cast<std::int64_t>(description.workers)).EndObject().EndArray().EndObject();
  return json.Take();
}

std::string WriteServerMetadata() {
  JsonWriter json;
  json.BeginObject().Key("name").String("weir").Key("version").String(kVersion);
  json.Key("extensions").BeginArray();
  for (const std::string_view extension : kExtensions) json.String(extension);
  json.EndArray().EndObject();
  return json.Take();
}

std::string WriteStatistics(const std::vector<ModelStatus>& models) {
  JsonWriter json;
  const auto number = [&json](std::string_view key, auto value) {
    json.Key(key).Int(static_cast<std::int64_t>(value));
  };
  const auto counted = [&](std::string_view key, std::uint64_t count, Duration time) {
    json.Key(key).BeginObject();
    number("count", count);
    number("ns", std::chrono::nanoseconds(time).count());
    json.EndObject();
  };
  const auto computed = [&](const RunTime& run) {
    counted("compute_input", run.count, run.input);
    counted("compute_infer", run.count, run.graph);
    counted("compute_output", run.count, run.output);
  };
  json.BeginObject().Key("model_stats").BeginArray();
  for (const ModelStatus& model : models) {
    const RunTotals::Numbers& totals = model.totals;
    json.BeginObject().Key("name").String(model.name).Key("version").String(VersionText(model.version));
    number("last_inference", totals.last.count());
    number("inference_count", totals.run.count);
    number("execution_count", totals.executions);
    json.Key("inference_stats").BeginObject();
    counted("success", totals.succeeded.count, totals.succeeded.time);
    counted("fail", totals.failed.count, totals.failed.time);
    counted("queue", totals.queued.count, totals.queued.time);
    computed(totals.run);
    counted("cache_hit", totals.cache_hits.count, totals.cache_hits.time);
    counted("cache_miss", totals.cache_misses.count, totals.cache_misses.time);
    json.EndObject().Key("batch_stats").BeginArray();
    for (const auto& [jobs, run] : totals.runs_of) {
      json.BeginObject();
      number("batch_size", jobs);
      computed(run);
      json.EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
  return json.Take();
}

}  // namespace weir::codec
