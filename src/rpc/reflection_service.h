// grpc.reflection.v1 and v1alpha: what services there are, and their messages.
// Source: "GRPC Server Reflection Protocol", the gRPC project's doc/server-reflection.md.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "rpc/call.h"

namespace weir::rpc {

std::unique_ptr<grpc::Service> NewReflectionService(Calls& calls);
std::unique_ptr<grpc::Service> NewReflectionServiceAlpha(Calls& calls);

}  // namespace weir::rpc
