#include "http/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <string>
#include <utility>

namespace weir::http {
namespace {

constexpr unsigned char kProtocols[] = "\x08http/1.1";  // for ALPN: its length, then its name

std::unexpected<Error> Wrong(std::string_view what, const std::filesystem::path& file) {
  std::array<char, 256> why{};
  ERR_error_string_n(ERR_peek_last_error(), why.data(), why.size());
  ERR_clear_error();
  return InvalidArgument(fmt::format("{} {}: {}", what, file.string(), why.data()));
}

int ChooseProtocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                   unsigned int offered_length, void*) {
  unsigned char* found = nullptr;
  const int state = SSL_select_next_proto(&found, length, kProtocols, sizeof(kProtocols) - 1, offered, offered_length);
  *chosen = found;
  return state == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

using Context = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;

Result<Context> MakeContext(const TlsOptions& options) {
  Context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return Fail(Code::kResourceExhausted, "there is no room for TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(),
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context.get(), ChooseProtocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context.get(), options.certificate.c_str()) != 1) {
    return Wrong("tls.certificate", options.certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), options.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return Wrong("tls.key", options.key);
  }
  if (options.client_ca.empty()) return context;
  if (SSL_CTX_load_verify_file(context.get(), options.client_ca.c_str()) != 1) {
    return Wrong("tls.client_ca", options.client_ca);
  }
  SSL_CTX_set_client_CA_list(context.get(), SSL_load_client_CA_file(options.client_ca.c_str()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  static constexpr unsigned char kName[] = "weir";
  SSL_CTX_set_session_id_context(context.get(), kName, sizeof(kName) - 1);
  return context;
}

}  // namespace

void SessionDeleter::operator()(ssl_st* session) const { SSL_free(session); }

Result<std::unique_ptr<TlsKeys>> TlsKeys::Load(const TlsOptions& options) {
  std::unique_ptr<TlsKeys> keys(new TlsKeys(options));
  Status loaded = keys->Renew();
  if (!loaded) return Forward(loaded);
  return keys;
}

TlsKeys::~TlsKeys() {
  const MutexLock lock(mu_);
  SSL_CTX_free(context_);
}

Result<std::chrono::hours> TlsKeys::TimeLeft(const std::filesystem::path& certificate) {
  const std::unique_ptr<BIO, int (*)(BIO*)> file(BIO_new_file(certificate.c_str(), "r"), BIO_free);
  const std::unique_ptr<X509, void (*)(X509*)> read(
      file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr) : nullptr, X509_free);
  if (!read) return Wrong("tls.certificate", certificate);
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(read.get())) != 1) {
    return Wrong("tls.certificate", certificate);
  }
  return std::chrono::duration_cast<std::chrono::hours>(std::chrono::days(days) + std::chrono::seconds(seconds));
}

Status TlsKeys::Renew() {
  Result<Context> made = MakeContext(options_);
  if (!made) return Forward(made);
  SSL_CTX* before = made->release();
  {
    const MutexLock lock(mu_);
    std::swap(before, context_);
  }
  SSL_CTX_free(before);  // sessions under way have a share of it
  return {};
}

TlsSession TlsKeys::NewSession(int socket) {
  const MutexLock lock(mu_);
  TlsSession session(SSL_new(context_));
  if (session) {
    SSL_set_fd(session.get(), socket);
    SSL_set_accept_state(session.get());
  }
  return session;
}

}  // namespace weir::http
