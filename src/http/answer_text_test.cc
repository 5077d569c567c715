#include "http/answer_text.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace weir::http {
namespace {

namespace bhttp = boost::beast::http;

AnswerHead Head(unsigned version, bool keep_alive) {
  return {.server = "weir/1", .date = "Sun, 22 Nov 2026 03:00:00 GMT", .version = version, .keep_alive = keep_alive};
}

// What a parser that is not ours makes of it.
bhttp::response<bhttp::string_body> Read(const std::string& text) {
  bhttp::response_parser<bhttp::string_body> parser;
  parser.eager(true);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(text), error);
  EXPECT_FALSE(error) << error.message();
  EXPECT_TRUE(parser.is_done());
  return parser.release();
}

TEST(AnswerText, IsReadAsItWasMeantByAnotherParser) {
  Response response{.status = 422, .body = "{}", .content_type = "application/json"};
  response.headers = {{"X-Request-Id", "abc"}, {"Vary", "Origin"}, {"Vary", "Accept-Encoding"}};
  const auto read = Read(WriteHead(response, Head(11, true), 0) + response.body);
  EXPECT_EQ(read.result_int(), 422U);
  EXPECT_EQ(read.reason(), "Unprocessable Entity");
  EXPECT_EQ(read["Server"], "weir/1");
  EXPECT_EQ(read["Content-Type"], "application/json");
  EXPECT_EQ(read["Content-Length"], "2");
  EXPECT_EQ(read["X-Request-Id"], "abc");
  EXPECT_EQ(read.count("Vary"), 2U);  // what each of them says counts
  EXPECT_EQ(read.body(), "{}");
  EXPECT_TRUE(read.keep_alive());
  EXPECT_EQ(read.count("Connection"), 0U);
}

TEST(AnswerText, TellsWhetherTheConnectionStaysOnlyWhereItsVersionWouldHaveItOtherwise) {
  const Response response{.body = "x"};
  EXPECT_EQ(Read(WriteHead(response, Head(11, false), 0) + "x")["Connection"], "close");
  EXPECT_EQ(Read(WriteHead(response, Head(10, true), 0) + "x")["Connection"], "keep-alive");
  EXPECT_EQ(Read(WriteHead(response, Head(10, false), 0) + "x").count("Connection"), 0U);
  EXPECT_TRUE(WriteHead(response, Head(10, false), 0).starts_with("HTTP/1.0 200 OK\r\n"));
}

TEST(AnswerText, OfUnknownLengthComesInChunks) {
  AnswerHead head = Head(11, true);
  head.is_streamed = true;
  const std::string long_piece(5000, 'x');
  const auto read = Read(WriteHead({}, head, 0) + WriteChunk("{}") + WriteChunk(long_piece) + WriteChunk({}));
  EXPECT_TRUE(read.chunked());
  EXPECT_EQ(read.count("Content-Length"), 0U);
  EXPECT_EQ(read.body(), "{}" + long_piece);
}

}  // namespace
}  // namespace weir::http
