// The client side of HTTP: one request, or a load of them.
#pragma once

#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "load/endpoint.h"
#include "load/pacer.h"

namespace weir::load {

struct HttpRequest {
  std::string method = "GET";
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// One request on a connection of its own. Blocks, at most for `timeout`. kUnavailable when the server cannot be reached
// or does not speak HTTP.
Result<HttpAnswer> Fetch(const Endpoint& endpoint, const HttpRequest& request, Duration timeout);

struct HttpLoad {
  Endpoint endpoint;
  std::vector<HttpRequest> requests;  // sent in turn
  std::size_t threads = 1;
};

// Sends what `pacer` says and tells it what came back, on `threads` threads that share its connections. Blocks until
// the pacer has finished or `stop` is requested.
Status DriveHttp(const HttpLoad& load, Pacer& pacer, std::stop_token stop);

}  // namespace weir::load
