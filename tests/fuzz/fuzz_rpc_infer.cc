// A ModelInferRequest as gRPC hands it over: to domain types, and an answer back.
#include <cstdint>
#include <memory>

#include "inference.pb.h"
#include "rpc/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto message = std::make_shared<inference::ModelInferRequest>();
  if (!message->ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto asked = weir::rpc::ReadInfer(message);
  if (!asked) return 0;
  for (const auto& [name, tensor] : asked->request.inputs) {
    if (!weir::ElementCount(tensor.shape())) __builtin_trap();
  }
  inference::ModelInferResponse response;
  weir::rpc::WriteInfer(*asked, {.version = "1", .outputs = asked->request.inputs, .times = {}}, response);
  return 0;
}
