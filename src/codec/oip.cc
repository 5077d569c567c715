#include "codec/oip.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>

#include "base/nearest.h"
#include "base/version.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"

namespace weir::codec {
namespace {

// What model configurations name; the size of a request is bounded by its bytes.
constexpr std::int64_t kMostInABatch = 1024;

// Fills a tensor from JSON data, flat or nested as the shape says.
class DataReader {
 public:
  DataReader(const TensorSpec& spec, const std::string& path, Tensor& tensor)
      : spec_(spec), path_(path), tensor_(tensor) {}

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
      case DataType::kFp16:
      case DataType::kBf16: break;
    }
    return InvalidArgument(fmt::format("'{}': {} has no JSON form", path_, DataTypeName(tensor_.type())), path_);
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
            fmt::format("'{}.data' value {} is not {} in the range of {}", path_, filled_,
                        std::is_same_v<T, bool> ? "a boolean" : "a number", DataTypeName(spec_.type)),
            path_ + ".data");
      }
      tensor_.Mutable<T>()[filled_++] = value;
    }
    return {};
  }

  template <typename T>
  static bool Convert(JsonElement item, T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      return !item.get(value);
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

  const TensorSpec& spec_;
  const std::string& path_;
  Tensor& tensor_;
  std::size_t filled_ = 0;
};

Result<Shape> ParseShape(const JsonObject& input) {
  auto array = input.RequireArray("shape");
  if (!array) return Forward(array);
  Shape shape;
  for (const JsonElement item : *array) {
    std::int64_t size = 0;
    if (item.get(size) || size < 0 || shape.size() >= 32) {
      return InvalidArgument(fmt::format("'{}' must be a list of at most 32 sizes of 0 or more", input.Path("shape")),
                             input.Path("shape"));
    }
    shape.push_back(size);
  }
  return shape;
}

std::vector<std::string> Names(const std::vector<TensorSpec>& specs) {
  std::vector<std::string> names;
  for (const TensorSpec& spec : specs) names.push_back(spec.name);
  return names;
}

std::unexpected<Error> NoSuchTensor(std::string_view side, const std::string& name, const std::string& path,
                                    const std::vector<TensorSpec>& specs) {
  const std::vector<std::string> names = Names(specs);
  return InvalidArgument(
      fmt::format("the model has no {} '{}'{}; it has {}", side, name, DidYouMean(name, names), fmt::join(names, ", ")),
      path);
}

// The binary data of a request, taken one input after the other.
class BinaryData {
 public:
  BinaryData(std::string_view bytes, const std::shared_ptr<const void>& owner) : left_(bytes), owner_(owner) {}

  std::size_t left() const { return left_.size(); }

  // The next `size` bytes as a tensor.
  Result<Tensor> Take(std::int64_t size, const TensorSpec& spec, Shape shape, const std::string& path) {
    const auto wrong = [&](std::string what) { return InvalidArgument(std::move(what), path); };
    const auto bytes = static_cast<std::size_t>(size);
    const std::optional<std::size_t> count = ElementCount(shape);
    if (!count || *count != bytes / DataTypeSize(spec.type) || bytes % DataTypeSize(spec.type) != 0) {
      return wrong(fmt::format("'{}' is {}, but shape {} of {} has {} values of {} bytes", path, size,
                               ShapeString(shape), DataTypeName(spec.type), count.value_or(0),
                               DataTypeSize(spec.type)));
    }
    if (bytes > left_.size()) {
      return wrong(fmt::format("'{}' is {}, but only {} bytes of binary data are left", path, size, left_.size()));
    }
    const std::string_view data = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    const bool is_bool = spec.type == DataType::kBool;
    if (is_bool && std::ranges::any_of(data, [](char value) { return value != 0 && value != 1; })) {
      return wrong(
          fmt::format("the binary data of '{}' has a byte that is neither 0 nor 1, which BOOL are", spec.name));
    }
    if (reinterpret_cast<std::uintptr_t>(data.data()) % DataTypeSize(spec.type) == 0) {
      return Tensor::Wrap(spec.type, std::move(shape), owner_, data.data());
    }
    Tensor copy = Tensor::Uninitialised(spec.type, std::move(shape));
    if (!data.empty()) std::memcpy(copy.Mutable<char>().data(), data.data(), data.size());
    return copy;
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

// One element of "inputs": its position in the manifest and its tensor. No body holds more than
// `most_values` values, so a shape that asks for more costs no memory.
Result<std::pair<int, Tensor>> ParseTensor(const JsonObject& input, const std::string& path, const Manifest& manifest,
                                           std::size_t most_values, BinaryData& binary) {
  auto name = input.RequireString("name");
  if (!name) return Forward(name);
  const int index = manifest.InputIndex(*name);
  if (index < 0) return NoSuchTensor("input", *name, input.Path("name"), manifest.inputs);
  const TensorSpec& spec = manifest.inputs[static_cast<std::size_t>(index)];

  auto datatype = input.RequireString("datatype");
  if (!datatype) return Forward(datatype);
  if (*datatype != DataTypeName(spec.type)) {
    return InvalidArgument(
        fmt::format("input '{}' has datatype {}, the model takes {}", *name, *datatype, DataTypeName(spec.type)),
        input.Path("datatype"));
  }
  auto shape = ParseShape(input);
  if (!shape) return Forward(shape);
  // Looked at before any memory is taken for it.
  Status fits = CheckAgainst(spec, Tensor::Wrap(spec.type, *shape, nullptr, nullptr));
  if (!fits) {
    fits.error().field = input.Path("shape");
    return Forward(fits);
  }
  const auto binary_size = BinarySizeOf(input);
  if (!binary_size) return std::unexpected(binary_size.error());
  if (*binary_size) {
    Result<Tensor> tensor =
        binary.Take(**binary_size, spec, std::move(*shape), input.Path("parameters.binary_data_size"));
    if (!tensor) return Forward(tensor);
    return std::pair(index, std::move(*tensor));
  }
  auto data = input.RequireArray("data");
  if (!data) return Forward(data);
  const std::optional<std::size_t> count = ElementCount(*shape);
  if (!count || *count > most_values) {
    return InvalidArgument(fmt::format("'{}.data' has fewer values than shape {} asks for", path, ShapeString(*shape)),
                           input.Path("data"));
  }
  Tensor tensor = Tensor::Uninitialised(spec.type, std::move(*shape));
  Status read = DataReader(spec, path, tensor).Read(*data);
  if (!read) return Forward(read);
  return std::pair(index, std::move(tensor));
}

Result<std::vector<Tensor>> ParseInputs(const JsonObject& body, const Manifest& manifest, std::size_t most_values,
                                        BinaryData binary) {
  auto array = body.RequireArray("inputs");
  if (!array) return Forward(array);
  std::vector<std::optional<Tensor>> found(manifest.inputs.size());
  std::size_t position = 0;
  for (const JsonElement item : *array) {
    const std::string path = fmt::format("inputs[{}]", position++);
    auto object = JsonObject::From(item, path);
    if (!object) return Forward(object);
    auto parsed = ParseTensor(*object, path, manifest, most_values, binary);
    if (!parsed) return Forward(parsed);
    std::optional<Tensor>& place = found[static_cast<std::size_t>(parsed->first)];
    if (place) {
      const std::string& name = manifest.inputs[static_cast<std::size_t>(parsed->first)].name;
      return InvalidArgument(fmt::format("input '{}' is given twice", name), path);
    }
    place = std::move(parsed->second);
  }
  if (binary.left() > 0) {
    return InvalidArgument(fmt::format("{} bytes of binary data belong to no input", binary.left()), "inputs");
  }
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) {
      return InvalidArgument(fmt::format("input '{}' is missing", manifest.inputs[i].name), "inputs");
    }
    inputs.push_back(std::move(*found[i]));
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

// The requested outputs, or all of them.
Result<std::vector<InferBody::AskedFor>> ParseOutputs(const JsonObject& body, const Manifest& manifest) {
  const auto all_binary = BinaryIn(body, "binary_data_output");
  if (!all_binary) return std::unexpected(all_binary.error());
  const bool binary = all_binary->value_or(false);
  std::vector<InferBody::AskedFor> outputs;
  const auto given = body.Find("outputs");
  if (!*given) {
    for (std::size_t i = 0; i < manifest.outputs.size(); ++i) outputs.push_back({static_cast<int>(i), binary});
    return outputs;
  }
  auto array = body.RequireArray("outputs");
  if (!array) return Forward(array);
  for (const JsonElement item : *array) {
    auto object = JsonObject::From(item, fmt::format("outputs[{}]", outputs.size()));
    if (!object) return Forward(object);
    auto name = object->RequireString("name");
    if (!name) return Forward(name);
    const int index = manifest.OutputIndex(*name);
    if (index < 0) return NoSuchTensor("output", *name, object->Path("name"), manifest.outputs);
    const auto own = BinaryIn(*object, "binary_data");
    if (!own) return std::unexpected(own.error());
    outputs.push_back({index, own->value_or(binary)});
  }
  return outputs;
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
  constexpr std::int64_t kMost = std::int64_t{1} << 50;
  const auto given = parameters.FindInt("timeout", 0, kMost);
  if (!given) return std::unexpected(given.error());
  if (given->value_or(0) > 0) body.timeout = std::chrono::microseconds(**given);
  return {};
}

// A name, or a number of which 0 is none.
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
  const auto number = parameters.FindInt("priority", 0, kPriorities);
  if (!number) return std::unexpected(number.error());
  if (number->value_or(0) > 0) body.priority = static_cast<Priority>(**number - 1);
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

Result<std::optional<std::chrono::microseconds>> ParseInferTimeout(std::string_view json) {
  Result<JsonObject> object = ParseJsonObject(json);
  if (!object) return Forward(object);
  InferBody parsed;
  if (Status parameters = ParseParameters(*object, parsed); !parameters) return Forward(parameters);
  return parsed.timeout;
}

Result<InferBody> ParseInfer(const InferBytes& bytes, const std::shared_ptr<const void>& owner,
                             const Manifest& manifest) {
  Result<JsonObject> object = ParseJsonObject(bytes.json);
  if (!object) return Forward(object);
  auto id = object->FindString("id");
  if (!id) return Forward(id);
  auto outputs = ParseOutputs(*object, manifest);
  if (!outputs) return Forward(outputs);
  for (const InferBody::AskedFor& output : *outputs) {
    const TensorSpec& spec = manifest.outputs[static_cast<std::size_t>(output.index)];
    if (!output.binary && (spec.type == DataType::kFp16 || spec.type == DataType::kBf16)) {
      return InvalidArgument(fmt::format("output '{}' is {}, which has no JSON form: ask for binary_data", spec.name,
                                         DataTypeName(spec.type)),
                             "outputs");
    }
  }
  auto inputs = ParseInputs(*object, manifest, bytes.json.size(), BinaryData(bytes.binary, owner));
  if (!inputs) return Forward(inputs);
  InferBody parsed{.id = id->value_or(""), .inputs = std::move(*inputs), .outputs = std::move(*outputs)};
  if (Status parameters = ParseParameters(*object, parsed); !parameters) return Forward(parameters);
  return parsed;
}

InferAnswer WriteInfer(const std::string& model, const std::string& version, const InferBody& request,
                       const Manifest& manifest, const std::vector<Tensor>& outputs) {
  JsonWriter json;
  json.BeginObject().Key("model_name").String(model).Key("model_version").String(version);
  if (!request.id.empty()) json.Key("id").String(request.id);
  json.Key("outputs").BeginArray();
  std::size_t binary = 0;
  for (const InferBody::AskedFor& asked : request.outputs) {
    const TensorSpec& spec = manifest.outputs[static_cast<std::size_t>(asked.index)];
    const Tensor& tensor = outputs[static_cast<std::size_t>(asked.index)];
    json.BeginObject().Key("name").String(spec.name).Key("datatype").String(DataTypeName(tensor.type()));
    json.Key("shape").BeginArray();
    for (const std::int64_t size : tensor.shape()) json.Int(size);
    json.EndArray();
    if (asked.binary) {
      json.Key("parameters").BeginObject();
      json.Key("binary_data_size").Int(static_cast<std::int64_t>(tensor.bytes())).EndObject();
      binary += tensor.bytes();
    } else {
      json.Key("data").Elements(tensor);
    }
    json.EndObject();
  }
  json.EndArray().EndObject();
  InferAnswer answer{.body = json.Take()};
  const auto is_binary = [](const InferBody::AskedFor& asked) { return asked.binary; };
  if (std::ranges::none_of(request.outputs, is_binary)) return answer;
  answer.json_length = answer.body.size();
  answer.body.reserve(answer.body.size() + binary);
  for (const InferBody::AskedFor& asked : request.outputs) {
    if (!asked.binary) continue;
    const Tensor& tensor = outputs[static_cast<std::size_t>(asked.index)];
    answer.body.append(reinterpret_cast<const char*>(tensor.data()), tensor.bytes());
  }
  return answer;
}

std::string WriteModelMetadata(const std::string& model, const std::vector<std::string>& versions,
                               const Manifest& manifest) {
  JsonWriter json;
  json.BeginObject().Key("name").String(model).Key("versions").BeginArray();
  for (const std::string& version : versions) json.String(version);
  json.EndArray();
  json.Key("platform").String(manifest.platform);
  json.Key("inputs");
  WriteSpecs(json, manifest.inputs);
  json.Key("outputs");
  WriteSpecs(json, manifest.outputs);
  json.EndObject();
  return json.Take();
}

std::string WriteModelConfig(const std::string& model, const std::vector<std::string>& versions,
                             const Manifest& manifest, std::size_t runs_at_once) {
  const auto any_batch = [](const TensorSpec& spec) { return !spec.shape.empty() && spec.shape[0] == -1; };
  const bool batches =
      std::ranges::all_of(manifest.inputs, any_batch) && std::ranges::all_of(manifest.outputs, any_batch);
  JsonWriter json;
  const auto tensors = [&](std::string_view key, const std::vector<TensorSpec>& specs) {
    json.Key(key).BeginArray();
    for (const TensorSpec& spec : specs) {
      json.BeginObject().Key("name").String(spec.name);
      json.Key("data_type").String(fmt::format("TYPE_{}", DataTypeName(spec.type))).Key("dims").BeginArray();
      for (const std::int64_t size : std::span(spec.shape).subspan(batches ? 1 : 0)) json.Int(size);
      json.EndArray().EndObject();
    }
    json.EndArray();
  };
  json.BeginObject().Key("name").String(model).Key("platform").String(manifest.platform);
  json.Key("backend").String("onnxruntime");
  json.Key("version_policy").BeginObject().Key("specific").BeginObject().Key("versions").BeginArray();
  for (const std::string& version : versions) json.Int(static_cast<std::int64_t>(ParseVersion(version).value_or(1)));
  json.EndArray().EndObject().EndObject();
  json.Key("max_batch_size").Int(batches ? kMostInABatch : 0);
  tensors("input", manifest.inputs);
  tensors("output", manifest.outputs);
  json.Key("instance_group").BeginArray().BeginObject().Key("name").String(model + "_0").Key("kind").String("KIND_CPU");
  json.Key("count").Int(static_cast<std::int64_t>(runs_at_once)).EndObject().EndArray().EndObject();
  return json.Take();
}

std::string WriteServerMetadata() {
  JsonWriter json;
  json.BeginObject().Key("name").String("weir").Key("version").String(kVersion);
  json.Key("extensions")
      .BeginArray()
      .String("binary_tensor_data")
      .String("model_configuration")
      .String("model_repository")
      .String("statistics")
      .EndArray()
      .EndObject();
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
    counted("compute_input", totals.run.count, {});
    counted("compute_infer", totals.run.count, totals.run.time);
    counted("compute_output", totals.run.count, {});
    counted("cache_hit", 0, {});
    counted("cache_miss", 0, {});
    json.EndObject().Key("batch_stats").BeginArray();
    for (const auto& [jobs, run] : totals.runs_of) {
      json.BeginObject();
      number("batch_size", jobs);
      counted("compute_input", run.count, {});
      counted("compute_infer", run.count, run.time);
      counted("compute_output", run.count, {});
      json.EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
  return json.Take();
}

}  // namespace weir::codec
