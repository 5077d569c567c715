// TLS: the server's certificate, and who may connect.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "base/result.h"

// OpenSSL's own names.
struct ssl_st;
struct ssl_ctx_st;

namespace weir::http {

struct TlsOptions {
  std::optional<std::uint16_t> port;  // 0 = any free one; nullopt: there is no TLS
  std::filesystem::path certificate;  // PEM: the server's, then those between it and a root
  std::filesystem::path key;          // PEM
  std::filesystem::path client_ca;    // PEM: clients must show a certificate of one of these; empty: they need none
};

struct SessionDeleter {
  void operator()(ssl_st* session) const;
};
using TlsSession = std::unique_ptr<ssl_st, SessionDeleter>;

// Makes sessions with the certificate as it is now. TLS 1.2 and 1.3. Thread-safe.
class TlsKeys {
 public:
  // Blocks on the disk. kInvalidArgument names the file and what is wrong with it.
  static Result<std::unique_ptr<TlsKeys>> Load(const TlsOptions& options);
  ~TlsKeys();
  TlsKeys(const TlsKeys&) = delete;
  TlsKeys& operator=(const TlsKeys&) = delete;

  // How long the server's certificate is still valid; below zero: no longer. Blocks on the disk.
  static Result<std::chrono::hours> TimeLeft(const std::filesystem::path& certificate);

  // Reads the files again, for sessions from now on; those under way stay as they are, and after an error all of it
  // does.
  Status Renew();
  // The server's side of a connection on this socket.
  TlsSession NewSession(int socket);

 private:
  explicit TlsKeys(TlsOptions options) : options_(std::move(options)) {}

  const TlsOptions options_;
  Mutex mu_;
  ssl_ctx_st* context_ GUARDED_BY(mu_) = nullptr;
};

}  // namespace weir::http
