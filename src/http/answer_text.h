// The beginning of an answer as it goes over the wire.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "http/exchange.h"

namespace weir::http {

// The first version of HTTP whose bodies may come in chunks.
inline constexpr unsigned kChunks = 11;

// Of the Server header.
std::string_view ServerName();
// Now, as RFC 9110's IMF-fixdate. Valid until the thread asks again.
std::string_view HttpDate();

// What an answer's header says beside what the answer itself does.
struct AnswerHead {
  std::string_view server;
  std::string_view date;
  unsigned version = 11;  // of HTTP: 10 or 11
  bool keep_alive = true;
  bool is_streamed = false;  // its length is not known yet: in chunks, or with HTTP/1.0 up to the connection's end
};

// Status line and fields, with the length of the answer's body and the empty line at their end; RFC 9112, sections 4
// and 5. Names and values are our own, or were checked when they came: a client's words with a line feed never get
// here. Room for `more` bytes is left behind it. (Beast's fields and serializer take an allocation and a search for
// each field: 1.2 of the 16 us that a small answer takes.)
std::string WriteHead(const Response& response, const AnswerHead& head, std::size_t more);

// A piece of a body in chunks; of nothing, its end. RFC 9112, section 7.1.
std::string WriteChunk(std::string_view piece);

}  // namespace weir::http
