// Bytes of an answer that the socket has not taken yet.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/system/error_code.hpp>

#include "http/stream.h"

namespace weir::http {

// A header and a body behind it, so that a large body is not copied. Confined to the thread of the stream's executor.
class Outgoing {
 public:
  // Answers up to this size go out as one piece.
  static constexpr std::size_t kSmall = 16U << 10;

  bool empty() const { return sent_ == head_.size() + body_.size(); }
  std::size_t size() const { return head_.size() + body_.size() - sent_; }

  // When nothing is left.
  void Set(std::string head, std::string body);
  // An answer in pieces, with its header first.
  void Begin(std::string head, bool in_chunks);
  void AddPiece(std::string_view piece);
  void AddEnd();
  // What is left, when it is one piece in the memory; else empty.
  std::string_view OnePiece() const {
    return body_.empty() ? std::string_view(head_).substr(sent_) : std::string_view();
  }
  // So much of it has been sent.
  void Advance(std::size_t bytes);
  // Writes what the stream takes now, in one call of it.
  void WriteSome(Stream& stream, boost::system::error_code& error);

 private:
  std::size_t Write(Stream& stream, boost::system::error_code& error) const;

  std::string head_;
  std::string body_;
  std::size_t sent_ = 0;    // of both
  bool in_chunks_ = false;  // pieces are
};

}  // namespace weir::http
