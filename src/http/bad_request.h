// Why a request is refused before a route has seen it.
#pragma once

#include <cstddef>
#include <string_view>

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
BadRequest TooManyFields(std::size_t fields, std::size_t most);
BadRequest BodyTooLarge(std::size_t most);
BadRequest NoRoomForBody();
BadRequest UnknownTransferCoding();
BadRequest UnknownContentCoding(std::string_view coding);

}  // namespace weir::http
