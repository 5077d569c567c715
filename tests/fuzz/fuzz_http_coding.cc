// Content-Encoding, Accept-Encoding, and what they lead to.
#include <cstdint>
#include <string_view>

#include "http/content_coding.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using weir::http::Coding;
  constexpr std::size_t kMost = 1U << 16;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)weir::http::ParseContentEncoding(bytes);
  (void)weir::http::ChooseCoding(bytes);
  const auto other = weir::http::Unpack(Coding::kZstd, bytes, kMost);
  if (other ? other->size() > kMost : other.error().message.empty()) __builtin_trap();
  const auto text = weir::http::Unpack(Coding::kGzip, bytes, kMost);
  if (!text) {
    if (text.error().message.empty()) __builtin_trap();
    return 0;
  }
  if (text->size() > kMost) __builtin_trap();
  const auto packed = weir::http::Pack(Coding::kDeflate, *text);
  if (!packed || weir::http::Unpack(Coding::kDeflate, *packed, kMost).value() != *text) __builtin_trap();
  return 0;
}
