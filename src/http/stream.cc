#include "http/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <limits>

namespace weir::http {
namespace {

using boost::system::error_code;

int AsInt(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max())); }

}  // namespace

bool Stream::is_established() const { return !session_ || SSL_is_init_finished(session_.get()) == 1; }

bool Stream::HasPending() const { return session_ && !is_drained_ && SSL_has_pending(session_.get()) == 1; }

std::size_t Stream::ReadSome(boost::asio::mutable_buffer into, error_code& error) {
  wanted_ = Socket::wait_read;
  if (!session_) return socket_.read_some(into, error);
  ERR_clear_error();
  const std::size_t got = Finish(SSL_read(session_.get(), into.data(), AsInt(into.size())), error);
  is_drained_ = got == 0;
  return got;
}

std::size_t Stream::WriteSome(boost::asio::const_buffer from, error_code& error) {
  wanted_ = Socket::wait_write;
  if (!session_) return socket_.write_some(from, error);
  ERR_clear_error();
  return Finish(SSL_write(session_.get(), from.data(), AsInt(from.size())), error);
}

std::size_t Stream::Finish(int done, error_code& error) {
  error = {};
  if (done > 0) return static_cast<std::size_t>(done);
  switch (SSL_get_error(session_.get(), done)) {
    case SSL_ERROR_WANT_READ:
      wanted_ = Socket::wait_read;
      error = boost::asio::error::would_block;
      break;
    case SSL_ERROR_WANT_WRITE:
      wanted_ = Socket::wait_write;
      error = boost::asio::error::would_block;
      break;
    case SSL_ERROR_ZERO_RETURN: error = boost::asio::error::eof; break;
    default: error = boost::asio::error::connection_aborted; break;  // foreign set: nothing more can be had of it
  }
  ERR_clear_error();
  return 0;
}

void Stream::EndSending() {
  if (session_ && is_established()) SSL_shutdown(session_.get());
  ERR_clear_error();
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void Stream::Close() {
  if (session_ && is_established()) SSL_shutdown(session_.get());
  ERR_clear_error();
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace weir::http
