// One HTTP request of a client, and how to send it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "load/endpoint.h"

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

// The bytes that go over the wire.
std::string WireBytes(const HttpRequest& request, const Endpoint& endpoint);

// One request on a connection of its own. Blocks, at most for `timeout`. kUnavailable when the server cannot be reached
// or does not speak HTTP.
Result<HttpAnswer> Fetch(const Endpoint& endpoint, const HttpRequest& request, Duration timeout);

}  // namespace weir::load
