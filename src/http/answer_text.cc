#include "http/answer_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/beast/http/status.hpp>

#include <ctime>

#include "base/version.h"

namespace weir::http {

std::string_view ServerName() {
  static const std::string name = fmt::format("weir/{}", kVersion);
  return name;
}

// Made once a second per thread.
std::string_view HttpDate() {
  thread_local std::time_t made_for = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != made_for) {
    made_for = now;
    text = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(now));
  }
  return text;
}

std::string WriteHead(const Response& response, const AnswerHead& head, std::size_t more) {
  namespace bhttp = boost::beast::http;
  const auto status = bhttp::int_to_status(static_cast<unsigned>(response.status));
  const boost::beast::string_view reason = bhttp::obsolete_reason(status);
  constexpr std::size_t kUsualHead = 512;
  std::string text;
  text.reserve(kUsualHead + more);
  text.append(head.version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ").append(fmt::format_int(response.status).c_str());
  text.append(" ").append(reason.data(), reason.size()).append("\r\n");
  const auto field = [&text](std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
  };
  field("Server", head.server);
  field("Date", head.date);
  field("Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers) field(name, value);
  if (!head.is_streamed) {
    field("Content-Length", fmt::format_int(response.body.size()).c_str());
  } else if (head.version >= kChunks) {
    field("Transfer-Encoding", "chunked");
  }
  const bool is_usual = head.keep_alive == (head.version >= 11);
  if (!is_usual) field("Connection", head.keep_alive ? "keep-alive" : "close");
  text.append("\r\n");
  return text;
}

std::string WriteChunk(std::string_view piece) { return fmt::format("{:x}\r\n{}\r\n", piece.size(), piece); }

}  // namespace weir::http
