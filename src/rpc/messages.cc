#include "rpc/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/version.h"
#include "codec/tensor_bytes.h"
#include "infer/repository.h"
#include "inference.pb.h"

namespace weir::rpc {
namespace {

using Parameters = google::protobuf::Map<std::string, inference::InferParameter>;

Result<Shape> ReadShape(const inference::ModelInferRequest::InferInputTensor& input, const std::string& path) {
  const auto& sizes = input.shape();
  const bool countable = ElementCount({sizes.data(), static_cast<std::size_t>(sizes.size())}).has_value();
  if (static_cast<std::size_t>(sizes.size()) > kMostDimensions || !countable) {
    return InvalidArgument(
        fmt::format("'{}.shape' must be a list of at most {} sizes of 0 or more", path, kMostDimensions),
        path + ".shape");
  }
  return Shape(sizes.begin(), sizes.end());
}

// Copies values, each of which must be in the range of T.
template <typename T, typename Values>
bool Fill(const Values& values, Tensor& tensor) {
  const auto fits = [](const auto value) {
    if constexpr (std::is_floating_point_v<T> || std::is_same_v<T, bool>) {
      return true;
    } else {
      return std::in_range<T>(value);
    }
  };
  if (!std::ranges::all_of(values, fits)) return false;
  std::ranges::transform(values, tensor.Mutable<T>().begin(), [](const auto value) { return static_cast<T>(value); });
  return true;
}

bool FillStrings(const google::protobuf::RepeatedPtrField<std::string>& values, Tensor& tensor) {
  std::ranges::copy(values, tensor.Mutable<std::string>().begin());
  return true;
}

// How many values of this type the contents hold; nullopt for a type that has no place there.
std::optional<int> TypedCount(DataType type, const inference::InferTensorContents& contents) {
  switch (type) {
    case DataType::kBool: return contents.bool_contents_size();
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32: return contents.int_contents_size();
    case DataType::kInt64: return contents.int64_contents_size();
    case DataType::kUint8:
    case DataType::kUint16:
    case DataType::kUint32: return contents.uint_contents_size();
    case DataType::kUint64: return contents.uint64_contents_size();
    case DataType::kFp32: return contents.fp32_contents_size();
    case DataType::kFp64: return contents.fp64_contents_size();
    case DataType::kBytes: return contents.bytes_contents_size();
    case DataType::kFp16:
    case DataType::kBf16: return std::nullopt;
  }
  return std::nullopt;
}

bool FillTyped(const inference::InferTensorContents& contents, Tensor& tensor) {
  switch (tensor.type()) {
    case DataType::kBool: return Fill<bool>(contents.bool_contents(), tensor);
    case DataType::kInt8: return Fill<std::int8_t>(contents.int_contents(), tensor);
    case DataType::kInt16: return Fill<std::int16_t>(contents.int_contents(), tensor);
    case DataType::kInt32: return Fill<std::int32_t>(contents.int_contents(), tensor);
    case DataType::kInt64: return Fill<std::int64_t>(contents.int64_contents(), tensor);
    case DataType::kUint8: return Fill<std::uint8_t>(contents.uint_contents(), tensor);
    case DataType::kUint16: return Fill<std::uint16_t>(contents.uint_contents(), tensor);
    case DataType::kUint32: return Fill<std::uint32_t>(contents.uint_contents(), tensor);
    case DataType::kUint64: return Fill<std::uint64_t>(contents.uint64_contents(), tensor);
    case DataType::kFp32: return Fill<float>(contents.fp32_contents(), tensor);
    case DataType::kFp64: return Fill<double>(contents.fp64_contents(), tensor);
    case DataType::kBytes: return FillStrings(contents.bytes_contents(), tensor);
    case DataType::kFp16:
    case DataType::kBf16: return false;
  }
  return false;
}

Result<Tensor> ReadTyped(DataType type, Shape shape, const inference::InferTensorContents& contents,
                         const std::string& path) {
  const std::string field = path + ".contents";
  const std::optional<int> held = TypedCount(type, contents);
  if (!held) {
    return InvalidArgument(
        fmt::format("'{}': {} has no typed contents, send raw_input_contents", field, DataTypeName(type)), field);
  }
  // Countable, as ReadShape has seen.
  if (const std::size_t count = ElementCount(shape).value_or(0); count != static_cast<std::size_t>(*held)) {
    return InvalidArgument(fmt::format("'{}' has {} values of {}, shape {} has {}", field, *held, DataTypeName(type),
                                       ShapeString(shape), count),
                           field);
  }
  Tensor tensor = Tensor::Uninitialised(type, std::move(shape));
  if (FillTyped(contents, tensor)) return tensor;
  return InvalidArgument(fmt::format("'{}' has a value outside the range of {}", field, DataTypeName(type)), field);
}

Result<NamedTensor> ReadInput(const std::shared_ptr<const inference::ModelInferRequest>& message, int index) {
  const auto& input = message->inputs(index);
  const std::string path = Indexed("inputs", static_cast<std::size_t>(index));
  const std::optional<DataType> type = DataTypeFromName(input.datatype());
  if (!type) {
    return InvalidArgument(
        fmt::format("input '{}' has datatype '{}', which the protocol does not know", input.name(), input.datatype()),
        path + ".datatype");
  }
  Result<Shape> shape = ReadShape(input, path);
  if (!shape) return Forward(shape);
  const bool is_raw = message->raw_input_contents_size() > 0;
  if (is_raw && input.has_contents()) {
    return InvalidArgument(fmt::format("'{}.contents' and raw_input_contents exclude each other", path),
                           path + ".contents");
  }
  Result<Tensor> tensor =
      is_raw ? codec::TensorOfBytes(*type, std::move(*shape), message->raw_input_contents(index), message)
             : ReadTyped(*type, std::move(*shape), input.contents(), path);
  if (tensor) return NamedTensor{input.name(), std::move(*tensor)};
  if (!tensor.error().field.empty()) return Forward(tensor);
  const std::string field = Indexed("raw_input_contents", static_cast<std::size_t>(index));
  return InvalidArgument(fmt::format("'{}' of input '{}': {}", field, input.name(), tensor.error().message), field);
}

Result<std::vector<NamedTensor>> ReadInputs(const std::shared_ptr<const inference::ModelInferRequest>& message) {
  if (static_cast<std::size_t>(message->inputs_size()) > kMostTensors) {
    return InvalidArgument(fmt::format("'inputs' has more than {} tensors", kMostTensors), "inputs");
  }
  const int raw = message->raw_input_contents_size();
  if (raw > 0 && raw != message->inputs_size()) {
    return InvalidArgument(
        fmt::format("'raw_input_contents' has {} entries for {} inputs", raw, message->inputs_size()),
        "raw_input_contents");
  }
  std::vector<NamedTensor> inputs;
  inputs.reserve(static_cast<std::size_t>(message->inputs_size()));
  for (int i = 0; i < message->inputs_size(); ++i) {
    Result<NamedTensor> input = ReadInput(message, i);
    if (!input) return Forward(input);
    inputs.push_back(std::move(*input));
  }
  return inputs;
}

std::unexpected<Error> WrongParameter(const std::string& path, std::string_view wanted) {
  return InvalidArgument(fmt::format("'{}' must be {}", path, wanted), path);
}

// A whole number from 0 to `most`; nullopt when there is no such parameter.
Result<std::optional<std::int64_t>> WholeNumber(const Parameters& parameters, const std::string& name,
                                                const std::string& path, std::int64_t most) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return std::nullopt;
  const inference::InferParameter& given = found->second;
  const auto wanted = [&] { return fmt::format("a whole number from 0 to {}", most); };
  if (given.has_uint64_param()) {
    if (given.uint64_param() > static_cast<std::uint64_t>(most)) return WrongParameter(path, wanted());
    return static_cast<std::int64_t>(given.uint64_param());
  }
  if (!given.has_int64_param() || given.int64_param() < 0 || given.int64_param() > most) {
    return WrongParameter(path, wanted());
  }
  return given.int64_param();
}

Result<std::optional<Priority>> ReadPriority(const Parameters& parameters) {
  const std::string path = "parameters.priority";
  const auto found = parameters.find("priority");
  if (found != parameters.end() && found->second.has_string_param()) {
    const Result<Priority> named = ParsePriority(found->second.string_param());
    if (!named) return InvalidArgument(named.error().message, path);
    return *named;
  }
  const auto number = WholeNumber(parameters, "priority", path, kMostPriority);
  if (!number) return std::unexpected(number.error());
  return PriorityOf(number->value_or(0));
}

Status ReadParameters(const Parameters& parameters, InferMessage& read) {
  if (parameters.empty()) return {};
  const auto timeout = WholeNumber(parameters, "timeout", "parameters.timeout", kMostTimeout);
  if (!timeout) return std::unexpected(timeout.error());
  read.request.timeout = TimeoutOf(timeout->value_or(0));
  const auto priority = ReadPriority(parameters);
  if (!priority) return std::unexpected(priority.error());
  read.priority = *priority;
  const auto final_marks = parameters.find("triton_enable_empty_final_response");
  read.marks_final = final_marks != parameters.end() && final_marks->second.bool_param();
  return {};
}

Status ReadOutputs(const inference::ModelInferRequest& message, InferRequest& request) {
  if (static_cast<std::size_t>(message.outputs_size()) > kMostTensors) {
    return InvalidArgument(fmt::format("'outputs' has more than {} tensors", kMostTensors), "outputs");
  }
  for (int i = 0; i < message.outputs_size(); ++i) {
    const auto& output = message.outputs(i);
    const std::string path = Indexed("outputs", static_cast<std::size_t>(i)) + ".parameters.classification";
    const auto classes = WholeNumber(output.parameters(), "classification", path, kMostClasses);
    if (!classes) return std::unexpected(classes.error());
    request.outputs.push_back({.name = output.name(), .classes = static_cast<std::size_t>(classes->value_or(0))});
  }
  return {};
}

void WriteCounted(std::uint64_t count, Duration time, inference::StatisticDuration& written) {
  written.set_count(count);
  written.set_ns(static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count()));
}

// Into what has the three counters of a run.
void WriteRun(const RunTime& run, auto& message) {
  WriteCounted(run.count, run.input, *message.mutable_compute_input());
  WriteCounted(run.count, run.graph, *message.mutable_compute_infer());
  WriteCounted(run.count, run.output, *message.mutable_compute_output());
}

inference::DataType ConfigType(DataType type) {
  switch (type) {
    case DataType::kBool: return inference::TYPE_BOOL;
    case DataType::kUint8: return inference::TYPE_UINT8;
    case DataType::kUint16: return inference::TYPE_UINT16;
    case DataType::kUint32: return inference::TYPE_UINT32;
    case DataType::kUint64: return inference::TYPE_UINT64;
    case DataType::kInt8: return inference::TYPE_INT8;
    case DataType::kInt16: return inference::TYPE_INT16;
    case DataType::kInt32: return inference::TYPE_INT32;
    case DataType::kInt64: return inference::TYPE_INT64;
    case DataType::kFp16: return inference::TYPE_FP16;
    case DataType::kBf16: return inference::TYPE_BF16;
    case DataType::kFp32: return inference::TYPE_FP32;
    case DataType::kFp64: return inference::TYPE_FP64;
    case DataType::kBytes: return inference::TYPE_STRING;
  }
  return inference::TYPE_INVALID;
}

template <typename Specs>
void WriteConfigSpecs(const std::vector<TensorSpec>& specs, bool batches, Specs& written) {
  for (const TensorSpec& spec : specs) {
    auto& one = *written.Add();
    one.set_name(spec.name);
    one.set_data_type(ConfigType(spec.type));
    for (const std::int64_t size : std::span(spec.shape).subspan(batches ? 1 : 0)) one.add_dims(size);
  }
}

template <typename Specs>
void WriteSpecs(const std::vector<TensorSpec>& specs, Specs& written) {
  for (const TensorSpec& spec : specs) {
    auto& one = *written.Add();
    one.set_name(spec.name);
    one.set_datatype(std::string(DataTypeName(spec.type)));
    one.mutable_shape()->Add(spec.shape.begin(), spec.shape.end());
  }
}

}  // namespace

std::string ReferenceOf(const std::string& name, const std::string& version) {
  return version.empty() ? name : name + "/" + version;
}

Result<InferMessage> ReadInfer(const std::shared_ptr<const inference::ModelInferRequest>& message) {
  InferMessage read{.name = message->model_name(), .id = message->id()};
  if (read.name.empty()) return InvalidArgument("'model_name' is missing", "model_name");
  read.request.model = ReferenceOf(read.name, message->model_version());
  if (Status outputs = ReadOutputs(*message, read.request); !outputs) return Forward(outputs);
  if (Status parameters = ReadParameters(message->parameters(), read); !parameters) return Forward(parameters);
  Result<std::vector<NamedTensor>> inputs = ReadInputs(message);
  if (!inputs) return Forward(inputs);
  read.request.inputs = std::move(*inputs);
  return read;
}

void WriteInfer(const InferMessage& asked, const InferAnswer& answer, inference::ModelInferResponse& message) {
  message.set_model_name(asked.name);
  message.set_model_version(answer.version);
  message.set_id(asked.id);
  for (const auto& [name, tensor] : answer.outputs) {
    auto& output = *message.add_outputs();
    output.set_name(name);
    output.set_datatype(std::string(DataTypeName(tensor.type())));
    output.mutable_shape()->Add(tensor.shape().begin(), tensor.shape().end());
    std::string& raw = *message.add_raw_output_contents();
    raw.reserve(codec::ByteLength(tensor));
    codec::AppendBytes(tensor, raw);
  }
}

void WriteServerMetadata(inference::ServerMetadataResponse& message) {
  message.set_name("weir");
  message.set_version(std::string(kVersion));
  for (const std::string_view extension : kExtensions) message.add_extensions(std::string(extension));
}

void WriteModelMetadata(const std::string& model, const ModelDescription& description,
                        inference::ModelMetadataResponse& message) {
  message.set_name(model);
  message.set_platform(description.manifest.platform);
  for (const std::string& version : description.versions) message.add_versions(version);
  WriteSpecs(description.manifest.inputs, *message.mutable_inputs());
  WriteSpecs(description.manifest.outputs, *message.mutable_outputs());
}

void WriteModelConfig(const std::string& model, const ModelDescription& description, inference::ModelConfig& message) {
  const bool batches = HasBatchDimension(description.manifest);
  message.set_name(model);
  message.set_platform(description.manifest.platform);
  message.set_backend("onnxruntime");
  message.set_max_batch_size(batches ? static_cast<std::int32_t>(kMostInABatch) : 0);
  auto& versions = *message.mutable_version_policy()->mutable_specific();
  for (const std::string& version : description.versions) {
    versions.add_versions(static_cast<std::int64_t>(ParseVersion(version).value_or(1)));
  }
  WriteConfigSpecs(description.manifest.inputs, batches, *message.mutable_input());
  WriteConfigSpecs(description.manifest.outputs, batches, *message.mutable_output());
  auto& group = *message.add_instance_group();
  group.set_name(model + "_0");
  group.set_count(static_cast<std::int32_t>(description.workers));
  group.set_kind(inference::ModelInstanceGroup::KIND_CPU);
}

void WriteStatistics(const std::vector<ModelStatus>& models, inference::ModelStatisticsResponse& message) {
  for (const ModelStatus& model : models) {
    const RunTotals::Numbers& totals = model.totals;
    auto& one = *message.add_model_stats();
    one.set_name(model.name);
    one.set_version(VersionText(model.version));
    one.set_last_inference(static_cast<std::uint64_t>(totals.last.count()));
    one.set_inference_count(totals.run.count);
    one.set_execution_count(totals.executions);
    auto& stats = *one.mutable_inference_stats();
    WriteCounted(totals.succeeded.count, totals.succeeded.time, *stats.mutable_success());
    WriteCounted(totals.failed.count, totals.failed.time, *stats.mutable_fail());
    WriteCounted(totals.queued.count, totals.queued.time, *stats.mutable_queue());
    WriteRun(totals.run, stats);
    WriteCounted(totals.cache_hits.count, totals.cache_hits.time, *stats.mutable_cache_hit());
    WriteCounted(totals.cache_misses.count, totals.cache_misses.time, *stats.mutable_cache_miss());
    for (const auto& [jobs, run] : totals.runs_of) {
      auto& batch = *one.add_batch_stats();
      batch.set_batch_size(jobs);
      WriteRun(run, batch);
    }
  }
}

void WriteRepositoryIndex(const std::vector<ModelStatus>& models, bool ready,
                          inference::RepositoryIndexResponse& message) {
  for (IndexRow& row : IndexOf(models, ready)) {
    auto& one = *message.add_models();
    one.set_name(std::move(row.name));
    one.set_version(std::move(row.version));
    one.set_state(std::string(row.state));
    one.set_reason(std::move(row.reason));
  }
}

Result<LogChanges> ReadLogSettings(const inference::LogSettingsRequest& message) {
  LogChanges changes;
  for (const auto& [name, value] : message.settings()) {
    const bool is_flag = name == "log_info" || name == "log_warning" || name == "log_error";
    const bool is_text = name == "log_file" || name == "log_format";
    if (!is_flag && !is_text && name != "log_verbose_level") {
      return InvalidArgument(fmt::format("there is no setting '{}' of the log", name), name);
    }
    if (is_flag ? !value.has_bool_param() : is_text ? !value.has_string_param() : !value.has_uint32_param()) {
      return InvalidArgument(fmt::format("'{}' has a value of another type", name), name);
    }
    if (name == "log_info") changes.info = value.bool_param();
    if (name == "log_warning") changes.warning = value.bool_param();
    if (name == "log_error") changes.error = value.bool_param();
    if (name == "log_file") changes.file = value.string_param();
    if (name == "log_format") changes.format = value.string_param();
    if (name == "log_verbose_level") changes.verbose = value.uint32_param();
  }
  return changes;
}

void WriteLogSettings(inference::LogSettingsResponse& message) {
  const LogSettings now = CurrentLogSettings();
  auto& settings = *message.mutable_settings();
  settings[std::string("log_file")].set_string_param("");
  settings[std::string("log_info")].set_bool_param(now.info);
  settings[std::string("log_warning")].set_bool_param(now.warning);
  settings[std::string("log_error")].set_bool_param(now.error);
  settings[std::string("log_verbose_level")].set_uint32_param(static_cast<std::uint32_t>(now.verbose));
  settings[std::string("log_format")].set_string_param("default");
}

void WriteTraceSettings(inference::TraceSettingResponse& message) {
  auto& settings = *message.mutable_settings();
  settings[std::string("trace_level")].add_value("OFF");
  for (const char* const zero : {"trace_rate", "trace_count", "log_frequency"}) {
    settings[std::string(zero)].add_value("0");
  }
  settings[std::string("trace_file")].add_value("");
  settings[std::string("trace_mode")].add_value("triton");
}

}  // namespace weir::rpc
