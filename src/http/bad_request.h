// Why a request is refused before a route has seen it.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace weir::http {

struct BadRequest {
  int status = 400;
  Error error;
};

BadRequest NotHttp(std::string_view what);
BadRequest HeaderTooLarge(std::size_t most);
BadRequest TooManyFields(std::size_t fields, std::size_t most);
BadRequest BodyTooLarge(std::size_t most);
BadRequest NoRoomForBody();
BadRequest UnknownTransferCoding();
BadRequest UnknownContentCoding(std::string_view coding);

}  // namespace weir::http
