// inference.GRPCInferenceService.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "rpc/call.h"

namespace weir::rpc {

// `calls` outlives it.
std::unique_ptr<grpc::Service> NewOipService(Calls& calls);

}  // namespace weir::rpc
