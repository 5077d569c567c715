// A stream of inferences.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>

#include "rpc/call.h"
#include "rpc/messages.h"

namespace inference {
class ModelInferRequest;
class ModelStreamInferResponse;
}  // namespace inference

namespace weir::rpc {

// Many requests of one stream are under way at once; each is answered when it has finished, also with an error, which
// does not end the stream. `calls` and `context` outlive it.
grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>* NewInferStream(
    Calls& calls, grpc::CallbackServerContext& context, const Method& method);

// One inference. `exchange` is kept until `done` has run, which is given what was asked and the answer.
void Infer(Calls& calls, std::shared_ptr<CallExchange> exchange,
           const std::shared_ptr<const inference::ModelInferRequest>& message,
           std::move_only_function<void(const InferMessage&, Result<InferAnswer>)> done);

}  // namespace weir::rpc
