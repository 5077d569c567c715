// A bare gRPC server on the callback interface, what Weir's own is measured against: weir_grpc_echo PORT [MODEL.onnx]
//
// Answers each ModelInfer with its request's tensors; with a model, with what an ONNX Runtime session makes of the
// first of them, which is FP32.
#include <grpcpp/grpcpp.h>
#include <onnxruntime_cxx_api.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "inference.grpc.pb.h"
#include "server_options.h"

namespace {

// One session with the server's options; thread-safe.
class Model {
 public:
  explicit Model(const char* file) : session_(env_, file, ServerOptions()) {
    Ort::AllocatorWithDefaultOptions allocator;
    input_ = session_.GetInputNameAllocated(0, allocator).get();
    output_ = session_.GetOutputNameAllocated(0, allocator).get();
  }

  std::string Run(const inference::ModelInferRequest& request) {
    const std::string& raw = request.raw_input_contents(0);
    auto* const values = const_cast<float*>(reinterpret_cast<const float*>(raw.data()));  // which Run only reads
    const std::vector<std::int64_t> shape(request.inputs(0).shape().begin(), request.inputs(0).shape().end());
    const Ort::Value input =
        Ort::Value::CreateTensor<float>(memory_, values, raw.size() / sizeof(float), shape.data(), shape.size());
    const char* const input_name = input_.c_str();
    const char* const output_name = output_.c_str();
    const auto outputs = session_.Run(Ort::RunOptions(), &input_name, &input, 1, &output_name, 1);
    const std::size_t bytes = outputs[0].GetTensorTypeAndShapeInfo().GetElementCount() * sizeof(float);
    return {static_cast<const char*>(outputs[0].GetTensorRawData()), bytes};
  }

 private:
  const Ort::Env env_{ORT_LOGGING_LEVEL_WARNING, "weir_grpc_echo"};
  Ort::Session session_;
  const Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  std::string input_;
  std::string output_;
};

class Echo final : public inference::GRPCInferenceService::CallbackService {
 public:
  explicit Echo(Model* model) : model_(model) {}

  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context,
                                       const inference::ModelInferRequest* request,
                                       inference::ModelInferResponse* response) override {
    response->set_model_name(request->model_name());
    response->set_model_version("1");
    for (int i = 0; i < request->inputs_size(); ++i) {
      auto& output = *response->add_outputs();
      output.set_name("OUTPUT0");
      output.set_datatype(request->inputs(i).datatype());
      *output.mutable_shape() = request->inputs(i).shape();
      *response->add_raw_output_contents() = model_ != nullptr ? model_->Run(*request) : request->raw_input_contents(i);
    }
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  Model* const model_;
};

void Serve(const std::string& port, const char* model_file) {
  std::optional<Model> model;
  if (model_file != nullptr) model.emplace(model_file);
  Echo echo(model ? &*model : nullptr);
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + port, grpc::InsecureServerCredentials());
  builder.RegisterService(&echo);
  const auto server = builder.BuildAndStart();
  if (server) server->Wait();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return std::fputs("usage: weir_grpc_echo PORT [MODEL.onnx]\n", stderr), 2;
  try {
    Serve(argv[1], argc == 3 ? argv[2] : nullptr);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "weir_grpc_echo: %s\n", e.what());
  }
  return 1;
}
