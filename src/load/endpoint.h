// Where to send requests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::load {

// Where a server listens. Value type.
struct Endpoint {
  std::string host;  // name or address, without brackets
  std::uint16_t port = 80;
  std::string path;  // "/v1/embeddings"; empty when the URL has none

  // "http://host:8000/path"; the scheme may be left out. TLS is refused.
  static Result<Endpoint> Parse(std::string_view url);
  std::string Authority() const;  // "host:8000", "[::1]:8000"
};

}  // namespace weir::load
