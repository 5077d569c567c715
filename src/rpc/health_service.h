// grpc.health.v1.Health.
// Source: "GRPC Health Checking Protocol", the gRPC project's doc/health-checking.md.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "rpc/call.h"

namespace weir::rpc {

class HealthService {
 public:
  // Whether the server, or its inference service, is ready. `calls` outlives it.
  static std::unique_ptr<HealthService> Make(Calls& calls);
  virtual ~HealthService() = default;
  virtual grpc::Service& service() = 0;
  // Ends those who watch, and watches no more.
  virtual void Stop() = 0;
};

}  // namespace weir::rpc
