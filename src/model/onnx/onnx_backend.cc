#include "model/onnx/onnx_backend.h"

#include <fmt/format.h>
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "base/log.h"
#include "model/file_cache.h"
#include "model/onnx/optimized_copies.h"
#include "model/onnx_files.h"

namespace weir {
namespace {

std::optional<DataType> FromOnnx(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL: return DataType::kBool;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8: return DataType::kUint8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16: return DataType::kUint16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32: return DataType::kUint32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64: return DataType::kUint64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8: return DataType::kInt8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16: return DataType::kInt16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32: return DataType::kInt32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64: return DataType::kInt64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16: return DataType::kFp16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16: return DataType::kBf16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT: return DataType::kFp32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE: return DataType::kFp64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING: return DataType::kBytes;
    default: return std::nullopt;  // foreign enum: complex and 4/8-bit floats are not served
  }
}

ONNXTensorElementDataType ToOnnx(DataType type) {
  switch (type) {
    case DataType::kBool: return ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL;
    case DataType::kUint8: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8;
    case DataType::kUint16: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16;
    case DataType::kUint32: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32;
    case DataType::kUint64: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64;
    case DataType::kInt8: return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8;
    case DataType::kInt16: return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16;
    case DataType::kInt32: return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
    case DataType::kInt64: return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
    case DataType::kFp16: return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16;
    case DataType::kBf16: return ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16;
    case DataType::kFp32: return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    case DataType::kFp64: return ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE;
    case DataType::kBytes: return ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING;
  }
  return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

// ONNX Runtime's own log lines become ours; it is told to speak from warnings upwards.
void ORT_API_CALL LogFromOnnx(void*, OrtLoggingLevel level, const char*, const char*, const char*,
                              const char* message) {
  if (level >= ORT_LOGGING_LEVEL_ERROR) {
    log::Debug("onnxruntime: {}", message);  // it reaches the caller as a Result too
  } else {
    log::Warn("onnxruntime: {}", message);
  }
}

constexpr std::string_view kCuda = "cuda:";

// One environment per process, as the library wants it; never destroyed, because models may outlive main.
Ort::Env& Environment() {
  static auto* env = [] {
    auto* made = new Ort::Env(ORT_LOGGING_LEVEL_WARNING, "weir", LogFromOnnx, nullptr);
    // Nothing is told to anybody; and what it keeps of each session to tell would grow with every load.
    made->DisableTelemetryEvents();
    return made;
  }();
  return *env;
}

// The interface of one side of the graph, or the reason why it cannot be served.
template <typename NameAt, typename TypeAt>
Result<std::vector<TensorSpec>> ReadSpecs(std::size_t count, std::string_view side, NameAt name_at, TypeAt type_at) {
  Ort::AllocatorWithDefaultOptions allocator;
  std::vector<TensorSpec> specs;
  for (std::size_t i = 0; i < count; ++i) {
    TensorSpec spec;
    spec.name = name_at(i, allocator).get();
    const Ort::TypeInfo info = type_at(i);
    if (info.GetONNXType() != ONNX_TYPE_TENSOR) {
      return Fail(Code::kUnprocessable, fmt::format("{} '{}' of the graph is not a tensor", side, spec.name));
    }
    const auto tensor = info.GetTensorTypeAndShapeInfo();
    const std::optional<DataType> type = FromOnnx(tensor.GetElementType());
    if (!type) {
      return Fail(Code::kUnprocessable,
                  fmt::format("{} '{}' of the graph has an element type that is not served (ONNX type {})", side,
                              spec.name, static_cast<int>(tensor.GetElementType())));
    }
    spec.type = *type;
    spec.shape = tensor.GetShape();
    specs.push_back(std::move(spec));
  }
  return specs;
}

// ONNX Runtime ends some of its sentences with a line feed.
std::string OneLine(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  text.erase(text.find_last_not_of(" \r\t") + 1);
  return text;
}

// It does not name the file when weights outside the graph cannot be read.
std::string WeightsHint(const std::filesystem::path& file, std::string_view why) {
  const auto files = ListModelFiles(file.parent_path());
  if (!files || why.find("xternal") == std::string_view::npos) return "";
  std::vector<std::string> sizes;
  for (const std::string& name : ExternalDataNames(*files, file.filename().string())) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(file.parent_path() / name, error);
    if (!error) sizes.push_back(fmt::format("{} ({} bytes)", name, size));
  }
  return sizes.empty() ? "" : fmt::format(" (weights beside it: {})", fmt::join(sizes, ", "));
}

class OnnxModel final : public Model, public std::enable_shared_from_this<OnnxModel> {
 public:
  OnnxModel(Ort::Session session, Manifest manifest) : session_(std::move(session)), manifest_(std::move(manifest)) {
    for (const TensorSpec& input : manifest_.inputs) input_names_.push_back(input.name.c_str());
    for (const TensorSpec& output : manifest_.outputs) output_names_.push_back(output.name.c_str());
  }

  static Result<std::shared_ptr<const Model>> Load(const std::filesystem::path& file, const OnnxOptions& options,
                                                   const std::string& device);

  const Manifest& manifest() const override { return manifest_; }
  std::unique_ptr<Session> NewSession() const override;

  // Ort::Session::Run is thread-safe but not const.
  Ort::Session& session() const { return session_; }
  const std::vector<const char*>& input_names() const { return input_names_; }
  const std::vector<const char*>& output_names() const { return output_names_; }

 private:
  // Constant after construction.
  mutable Ort::Session session_;
  Manifest manifest_;
  std::vector<const char*> input_names_;
  std::vector<const char*> output_names_;
};

class OnnxSession final : public Session {
 public:
  explicit OnnxSession(std::shared_ptr<const OnnxModel> model) : model_(std::move(model)) {}

  Result<std::vector<Tensor>> Run(std::span<const Tensor> inputs, std::stop_token stop) override {
    std::vector<Tensor> outputs(model_->output_names().size());
    Status done = RunInto(inputs, outputs, std::move(stop));
    if (!done) return Forward(done);
    return outputs;
  }

  Status RunInto(std::span<const Tensor> inputs, std::span<Tensor> outputs, std::stop_token stop) override {
    Status done = Guarded(inputs, outputs, stop);
    inputs_.clear();
    outputs_.clear();
    if (stop.stop_requested()) options_.UnsetTerminate();  // it may have come after the run's end
    return done;
  }

 private:
  Status Guarded(std::span<const Tensor> inputs, std::span<Tensor> outputs, const std::stop_token& stop) {
    const std::stop_callback on_stop(stop, [this] { options_.SetTerminate(); });
    try {
      RunOrThrow(inputs, outputs);
      return {};
    } catch (const Ort::Exception& e) {
      if (stop.stop_requested()) return Fail(Code::kCancelled, "the run was stopped");
      // The inputs have the types and ranks that the graph asks for; it objects to their sizes or values.
      return Fail(Code::kUnprocessable, fmt::format("the model cannot run on this input: {}", e.what()));
    }
  }

  void RunOrThrow(std::span<const Tensor> inputs, std::span<Tensor> outputs) {
    for (const Tensor& input : inputs) inputs_.push_back(ValueOf(input));
    for (const Tensor& output : outputs) {
      outputs_.push_back(output.elements() == 0 ? Ort::Value(nullptr) : ValueOf(output));
    }
    graph_time_.began = Clock::Steady().Now();
    model_->session().Run(options_, model_->input_names().data(), inputs_.data(), inputs_.size(),
                          model_->output_names().data(), outputs_.data(), outputs_.size());
    graph_time_.ended = Clock::Steady().Now();
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].elements() == 0) outputs[i] = TensorOf(std::move(outputs_[i]), model_->manifest().outputs[i].type);
    }
  }

  static Tensor TensorOf(Ort::Value value, DataType type) {
    Shape shape = value.GetTensorTypeAndShapeInfo().GetShape();
    if (type == DataType::kBytes) return StringsOf(value, std::move(shape));
    auto owner = std::make_shared<Ort::Value>(std::move(value));
    const void* data = owner->GetTensorRawData();
    return Tensor::Wrap(type, std::move(shape), std::move(owner), data);
  }

  // Numbers are shared; ONNX Runtime wants strings as its own.
  Ort::Value ValueOf(const Tensor& input) {
    const Shape& shape = input.shape();
    if (input.type() != DataType::kBytes) {
      return Ort::Value::CreateTensor(memory_, const_cast<std::byte*>(input.data()), input.bytes(), shape.data(),
                                      shape.size(), ToOnnx(input.type()));
    }
    Ort::Value value = Ort::Value::CreateTensor(Ort::AllocatorWithDefaultOptions(), shape.data(), shape.size(),
                                                ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
    std::size_t index = 0;
    for (const std::string& element : input.As<std::string>()) {
      std::ranges::copy(element, value.GetResizedStringTensorElementBuffer(index++, element.size()));
    }
    return value;
  }

  static Tensor StringsOf(const Ort::Value& value, Shape shape) {
    Tensor tensor = Tensor::Uninitialised(DataType::kBytes, std::move(shape));
    std::size_t index = 0;
    for (std::string& element : tensor.Mutable<std::string>()) {
      element.resize(value.GetStringTensorElementLength(index));
      value.GetStringTensorElement(element.size(), index++, element.data());
    }
    return tensor;
  }

  // Constant after construction.
  const std::shared_ptr<const OnnxModel> model_;
  const Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);

  // Confined to the session's thread, but for SetTerminate.
  Ort::RunOptions options_;
  std::vector<Ort::Value> inputs_;
  std::vector<Ort::Value> outputs_;
};

std::unique_ptr<Session> OnnxModel::NewSession() const { return std::make_unique<OnnxSession>(shared_from_this()); }

Result<Manifest> ReadManifest(const Ort::Session& session) {
  Manifest manifest;
  manifest.platform = "onnxruntime_onnx";
  auto inputs = ReadSpecs(
      session.GetInputCount(), "input",
      [&](std::size_t i, auto& allocator) { return session.GetInputNameAllocated(i, allocator); },
      [&](std::size_t i) { return session.GetInputTypeInfo(i); });
  if (!inputs) return Forward(inputs);
  auto outputs = ReadSpecs(
      session.GetOutputCount(), "output",
      [&](std::size_t i, auto& allocator) { return session.GetOutputNameAllocated(i, allocator); },
      [&](std::size_t i) { return session.GetOutputTypeInfo(i); });
  if (!outputs) return Forward(outputs);
  manifest.inputs = std::move(*inputs);
  manifest.outputs = std::move(*outputs);
  return manifest;
}

Ort::SessionOptions CommonOptions(const OnnxOptions& options) {
  Ort::SessionOptions common;
  common.SetIntraOpNumThreads(options.intra_op_threads);
  common.SetInterOpNumThreads(1);
  common.SetExecutionMode(ORT_SEQUENTIAL);
  common.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  common.AddConfigEntry("session.intra_op.allow_spinning", "0");
#ifdef __SANITIZE_THREAD__
  // The arena hands memory from thread to thread behind locks that ThreadSanitizer cannot see.
  common.DisableCpuMemArena();
#endif
  return common;
}

// Below this a copy saves nothing worth a file.
constexpr std::uint64_t kWorthCopying = 8U << 20;

// Writes the optimised graph and its weights. Costs about two loads.
bool WriteCopy(const std::filesystem::path& file, const OnnxOptions& options, const std::filesystem::path& folder) {
  try {
    Ort::SessionOptions writing = CommonOptions(options);
    writing.SetLogSeverityLevel(ORT_LOGGING_LEVEL_ERROR);  // that the copy fits this machine alone is meant
    writing.SetOptimizedModelFilePath((folder / OptimizedCopies::kGraph).c_str());
    writing.AddConfigEntry("session.optimized_model_external_initializers_file_name", OptimizedCopies::kWeights);
    writing.AddConfigEntry("session.optimized_model_external_initializers_min_size_in_bytes", "1024");
    const Ort::Session session(Environment(), file.c_str(), writing);
    return true;
  } catch (const std::exception& e) {
    log::Debug("{}: no optimised copy is kept: {}", file.string(), e.what());
    return false;
  }
}

// From a copy, when one is kept or can be made.
std::optional<Ort::Session> OpenCopy(const std::filesystem::path& file, const OnnxOptions& options) {
  std::error_code ignored;
  // Weights beside the graph are mapped as they are.
  const std::uint64_t size = std::filesystem::file_size(file, ignored);
  const bool embedded =
      !ignored && size >= kWorthCopying && size == GraphBytes(file.parent_path(), file.filename().string());
  if (!embedded || options.copies.empty()) return std::nullopt;
  const OptimizedCopies copies(options.copies, OnnxRuntimeVersion() + ProcessorSignature());
  const auto copy =
      copies.FindOrMake(file, [&](const std::filesystem::path& part) { return WriteCopy(file, options, part); });
  if (!copy) return std::nullopt;
  try {
    Ort::SessionOptions reading = CommonOptions(options);
    reading.SetGraphOptimizationLevel(ORT_DISABLE_ALL);  // it was done
    return Ort::Session(Environment(), (*copy / OptimizedCopies::kGraph).c_str(), reading);
  } catch (const Ort::Exception& e) {
    log::Warn("{}: its optimised copy does not load and is removed: {}", file.string(), e.what());
    copies.Drop(*copy);
    return std::nullopt;
  }
}

Ort::SessionOptions OptionsOn(const std::string& device, const OnnxOptions& options) {
  Ort::SessionOptions common = CommonOptions(options);
  if (!device.starts_with(kCuda)) return common;
  OrtCUDAProviderOptions cuda{};
  std::from_chars(device.data() + kCuda.size(), device.data() + device.size(), cuda.device_id);
  common.AppendExecutionProvider_CUDA(cuda);
  return common;
}

Result<std::shared_ptr<const Model>> OnnxModel::Load(const std::filesystem::path& file, const OnnxOptions& options,
                                                     const std::string& device) {
  try {
    // Copies are optimised for the CPU.
    std::optional<Ort::Session> session = device == kCpu ? OpenCopy(file, options) : std::nullopt;
    if (!session) session.emplace(Environment(), file.c_str(), OptionsOn(device, options));
    Result<Manifest> manifest = ReadManifest(*session);
    if (!manifest) return Forward(manifest);
    manifest->weight_bytes = GraphBytes(file.parent_path(), file.filename().string());
    return std::make_shared<OnnxModel>(std::move(*session), std::move(*manifest));
  } catch (const Ort::Exception& e) {
    return Fail(Code::kUnprocessable,
                fmt::format("{} is not a graph that ONNX Runtime {} can load: {}{}", file.string(),
                            OnnxRuntimeVersion(), OneLine(e.what()), WeightsHint(file, e.what())));
  }
}

class OnnxBackend final : public Backend {
 public:
  explicit OnnxBackend(const OnnxOptions& options) : options_(options) {}

  Result<std::shared_ptr<const Model>> Load(const std::filesystem::path& file) override { return LoadOn(file, kCpu); }

  Result<std::shared_ptr<const Model>> LoadOn(const std::filesystem::path& file, const std::string& device) override {
    return CacheOf(device).Get(
        file, [&](const std::filesystem::path& path) { return OnnxModel::Load(path, options_, device); });
  }

  Result<std::string> ChooseDevice(const std::string& wanted) const override {
    if (wanted == kCpu) return wanted;
    const std::vector<std::string> providers = OnnxRuntimeAbout().providers;
    const bool has_cuda = std::ranges::find(providers, "CUDAExecutionProvider") != providers.end();
    if (wanted == "auto") return has_cuda ? std::string(kCuda) + "0" : std::string(kCpu);
    if (has_cuda) return wanted;
    return Fail(Code::kUnprocessable, fmt::format("there is no device {}: this ONNX Runtime ({}) has {}", wanted,
                                                  OnnxRuntimeVersion(), fmt::join(providers, ", ")));
  }

 private:
  FileCache<Model>& CacheOf(const std::string& device) {
    const MutexLock lock(mu_);
    return caches_[device];
  }

  const OnnxOptions options_;
  Mutex mu_;
  std::map<std::string, FileCache<Model>> caches_ GUARDED_BY(mu_);  // by device
};

}  // namespace

std::unique_ptr<Backend> MakeOnnxBackend(const OnnxOptions& options) { return std::make_unique<OnnxBackend>(options); }

std::string OnnxRuntimeVersion() { return OrtGetApiBase()->GetVersionString(); }

OnnxRuntimeFacts OnnxRuntimeAbout() {
  OnnxRuntimeFacts facts{.version = OnnxRuntimeVersion(), .built_for = fmt::format("1.{}", ORT_API_VERSION)};
  facts.fits = OrtGetApiBase()->GetApi(ORT_API_VERSION) != nullptr;
  if (!facts.fits) return facts;
  try {
    facts.providers = Ort::GetAvailableProviders();
  } catch (const std::exception& e) {
    log::Warn("ONNX Runtime does not tell its providers: {}", e.what());
  }
  return facts;
}

}  // namespace weir
