// Why a request is refused before a route has seen it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <boost/beast/http/fields.hpp>
#include <boost/system/error_code.hpp>

#include "base/result.h"
#include "http/server.h"

namespace weir::http {

struct BadRequest {
  int status = 400;
  Error error;
};

// What Beast's parser says.
BadRequest NotParsed(const boost::system::error_code& error, const ServerOptions& options);
// Nothing when the header will do.
std::optional<BadRequest> RefusedHeader(const boost::beast::http::fields& header, const ServerOptions& options);
BadRequest BodyTooLarge(std::size_t most);
BadRequest NoRoomForBody();
BadRequest UnknownContentCoding(std::string_view coding);

}  // namespace weir::http
