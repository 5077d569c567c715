#include "hub/checksum.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace weir::hub {
namespace {

struct FreeDigest {
  void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
};
using Digest = std::unique_ptr<EVP_MD_CTX, FreeDigest>;

bool IsHex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string Finish(EVP_MD_CTX* digest) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned size = 0;
  EVP_DigestFinal_ex(digest, sum.data(), &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", sum[i]);
  return text;
}

}  // namespace

Status CheckContent(const std::filesystem::path& file, std::string_view etag, std::stop_token stop) {
  const bool is_git = etag.size() == 40;
  if ((!is_git && etag.size() != 64) || !IsHex(etag)) return {};
  const Digest digest(EVP_MD_CTX_new());
  if (!digest || EVP_DigestInit_ex(digest.get(), is_git ? EVP_sha1() : EVP_sha256(), nullptr) != 1) {
    return Fail(Code::kInternal, "libcrypto gives no checksum");
  }
  if (is_git) {
    const std::string header = fmt::format("blob {}", std::filesystem::file_size(file));
    EVP_DigestUpdate(digest.get(), header.c_str(), header.size() + 1);  // with its final zero byte
  }
  std::ifstream input(file, std::ios::binary);
  std::vector<char> buffer(1U << 20);
  while (input) {
    if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
    input.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    EVP_DigestUpdate(digest.get(), buffer.data(), static_cast<std::size_t>(input.gcount()));
  }
  if (!input.eof()) return Fail(Code::kUnavailable, fmt::format("{} cannot be read", file.string()));
  const std::string found = Finish(digest.get());
  if (found == etag) return {};
  return Fail(Code::kUnavailable, fmt::format("its content is not what the hub announced ({} is {}, not {})",
                                              is_git ? "git's id" : "SHA-256", found, etag));
}

}  // namespace weir::hub
