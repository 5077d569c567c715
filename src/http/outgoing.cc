#include "http/outgoing.h"

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include "http/answer_text.h"

namespace weir::http {
namespace {

namespace asio = boost::asio;

}  // namespace

void Outgoing::Set(std::string head, std::string body) {
  head_ = std::move(head);
  body_ = std::move(body);
  sent_ = 0;
}

void Outgoing::Begin(std::string head, bool in_chunks) {
  Set(std::move(head), {});
  in_chunks_ = in_chunks;
}

void Outgoing::AddPiece(std::string_view piece) {
  if (piece.empty()) return;  // a chunk of nothing is the end
  in_chunks_ ? body_.append(WriteChunk(piece)) : body_.append(piece);
}

void Outgoing::AddEnd() {
  if (in_chunks_) body_.append(WriteChunk({}));
}

void Outgoing::Advance(std::size_t bytes) {
  sent_ += bytes;
  if (empty()) Set({}, {});
}

void Outgoing::WriteSome(Stream& stream, boost::system::error_code& error) { Advance(Write(stream, error)); }

// What is encrypted goes out in pieces, of a record each.
std::size_t Outgoing::Write(Stream& stream, boost::system::error_code& error) const {
  const bool is_one_piece = body_.empty() && !stream.is_tls();
  if (is_one_piece) return stream.WriteSome(asio::buffer(head_) + sent_, error);
  const std::size_t of_head = std::min(sent_, head_.size());
  const std::array<asio::const_buffer, 2> rest = {asio::buffer(head_) + of_head,
                                                  asio::buffer(body_) + (sent_ - of_head)};
  if (!stream.is_tls()) return stream.WritePlain(rest, error);
  thread_local std::array<char, kSmall> piece;
  return stream.WriteSome(asio::buffer(piece, asio::buffer_copy(asio::buffer(piece), rest)), error);
}

}  // namespace weir::http
