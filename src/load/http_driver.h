// A load of HTTP requests.
#pragma once

#include <stop_token>
#include <vector>

#include "base/result.h"
#include "load/endpoint.h"
#include "load/http_request.h"
#include "load/pacer.h"

namespace weir::load {

struct HttpLoad {
  Endpoint endpoint;
  std::vector<HttpRequest> requests;  // sent in turn
  std::size_t threads = 1;
};

// Sends what `pacer` says and tells it what came back, on `threads` threads that share its connections. Blocks until
// the pacer has finished or `stop` is requested. Returns the processor time that these threads took.
Result<Duration> DriveHttp(const HttpLoad& load, Pacer& pacer, std::stop_token stop);

}  // namespace weir::load
