// A connection's bytes, plain or through TLS.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <utility>

#include "http/tls.h"

namespace weir::http {

// Never blocks: what cannot be done now is would_block, to be tried again when the socket is ready for `wanted()`.
// Confined to the thread of its socket's executor.
class Stream {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  // `session`: null for a plain connection.
  Stream(Socket socket, TlsSession session) : socket_(std::move(socket)), session_(std::move(session)) {}

  Socket& socket() { return socket_; }
  bool is_tls() const { return session_ != nullptr; }
  // The other side has shown that it speaks TLS; true for a plain connection.
  bool is_established() const;
  // Bytes may be here that the socket will not tell of.
  bool HasPending() const;
  // What the last call that would block waits for.
  Socket::wait_type wanted() const { return wanted_; }

  std::size_t ReadSome(boost::asio::mutable_buffer into, boost::system::error_code& error);
  std::size_t WriteSome(boost::asio::const_buffer from, boost::system::error_code& error);
  // The same of a plain connection, from as many pieces as there are.
  std::size_t WritePlain(const auto& pieces, boost::system::error_code& error) {
    wanted_ = Socket::wait_write;
    return socket_.write_some(pieces, error);
  }
  // Tells the other side that nothing follows.
  void EndSending();
  void Close();

 private:
  std::size_t Finish(int done, boost::system::error_code& error);

  Socket socket_;
  TlsSession session_;
  Socket::wait_type wanted_ = Socket::wait_read;
  bool is_drained_ = false;  // what is here, of TLS, is a part of a record at most
};

}  // namespace weir::http
