#include "http/bad_request.h"

#include <fmt/format.h>

#include <boost/beast/http/error.hpp>

#include <chrono>
#include <iterator>

namespace weir::http {
namespace {

namespace bhttp = boost::beast::http;

// When a client whose body found no room may try again.
constexpr std::chrono::milliseconds kRetryBody{1000};

// The body's length must be beyond doubt, or the next request would start in its middle.
bool HasUnknownCoding(const bhttp::fields& header) {
  const auto range = header.equal_range(bhttp::field::transfer_encoding);
  if (range.first == range.second) return false;
  return std::next(range.first) != range.second || !boost::beast::iequals(range.first->value(), "chunked");
}

}  // namespace

BadRequest NotParsed(const boost::system::error_code& error, const ServerOptions& options) {
  if (error == bhttp::error::body_limit) return BodyTooLarge(options.max_body_bytes);
  if (error == bhttp::error::header_limit) {
    return {
        431,
        {Code::kTooLarge, fmt::format("the header is larger than the limit of {} bytes", options.max_header_bytes)}};
  }
  return {400, {Code::kInvalidArgument, fmt::format("this is not an HTTP request: {}", error.message())}};
}

std::optional<BadRequest> RefusedHeader(const bhttp::fields& header, const ServerOptions& options) {
  const auto fields = static_cast<std::size_t>(std::distance(header.begin(), header.end()));
  if (fields > options.max_header_fields) {
    return BadRequest{
        431,
        {Code::kTooLarge, fmt::format("the header has {} fields, the limit is {}", fields, options.max_header_fields)}};
  }
  if (HasUnknownCoding(header)) {
    return BadRequest{501, {Code::kInvalidArgument, "the only Transfer-Encoding that is understood is 'chunked'"}};
  }
  return std::nullopt;
}

BadRequest BodyTooLarge(std::size_t most) {
  return {413, {Code::kTooLarge, fmt::format("the body is larger than the limit of {} bytes", most)}};
}

BadRequest NoRoomForBody() {
  return {503,
          {.code = Code::kUnavailable,
           .message = "the bodies that all clients are sending are more than the server has room for",
           .retry_after = kRetryBody}};
}

BadRequest UnknownContentCoding(std::string_view coding) {
  return {415,
          {Code::kInvalidArgument,
           fmt::format("Content-Encoding '{}' is not understood; gzip, deflate and zstd are", coding)}};
}

}  // namespace weir::http
