// One HTTP request and its answer, through libcurl.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::hub {

// The answer, less the body where a taker got it. Value type.
struct HttpReply {
  long status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // at most HttpRequest::most_body bytes

  // Empty when there is no such header.
  std::string Header(const std::string& lower_name) const;
};

// Gets the body of a 2xx answer piece by piece; an error ends the request and becomes its outcome.
using BodyTaker = std::function<Status(const HttpReply& head, std::string_view piece)>;

struct HttpRequest {
  std::string url;
  bool head = false;         // HEAD, not GET
  bool post = false;         // POST without a body, not GET
  std::string token;         // sent as a bearer token when not empty
  std::uint64_t from = 0;    // asks for the bytes from here on
  BodyTaker take = nullptr;  // without one, the body goes to HttpReply::body
  std::size_t most_body = std::size_t{64} << 20;
  std::chrono::milliseconds stall{10'000};  // without a byte for so long, it fails
};

// Holds connections open between requests. Redirects are not followed. libcurl is loaded when the first one is made,
// so that a program that fetches nothing pays nothing for it. Confined to one thread; Send blocks.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // kUnavailable when there is no whole answer (nobody there, cut, stalled), in words; kUnprocessable when the server's
  // certificate is not trusted; kCancelled on a stop request.
  // Any status is an answer.
  virtual Result<HttpReply> Send(const HttpRequest& request, std::stop_token stop) = 0;

  // kInternal when the system has no libcurl.
  static Result<std::unique_ptr<HttpClient>> Make();
};

// `location` as a browser at `base` understands it. kUnavailable unless it is a URL with http or https, and with
// https when `base` has it.
Result<std::string> JoinUrl(const std::string& base, const std::string& location);
// Whether scheme, host and port are the same.
bool SameOrigin(const std::string& one, const std::string& other);

}  // namespace weir::hub
