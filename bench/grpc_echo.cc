// A bare gRPC server on the callback interface: answers each ModelInfer with its request's tensors. What Weir's own is
// measured against.
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <string>

#include "inference.grpc.pb.h"

namespace {

class Echo final : public inference::GRPCInferenceService::CallbackService {
 public:
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
      *response->add_raw_output_contents() = request->raw_input_contents(i);
    }
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: weir_grpc_echo PORT\n", stderr), 2;
  Echo echo;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(std::string("127.0.0.1:") + argv[1], grpc::InsecureServerCredentials());
  builder.RegisterService(&echo);
  const auto server = builder.BuildAndStart();
  if (!server) return 1;
  server->Wait();
}
