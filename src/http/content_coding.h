// Compressed bodies: Content-Encoding and Accept-Encoding.
// Source: RFC 9110, 8.4 and 12.5.3; RFC 1952 (gzip), RFC 1950 (deflate), RFC 8878 (zstd).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::http {

enum class Coding : std::uint8_t { kIdentity, kGzip, kDeflate, kZstd };

std::string_view CodingName(Coding coding);  // "gzip"

// What Content-Encoding says; nullopt for a coding, or several of them, that is not understood.
std::optional<Coding> ParseContentEncoding(std::string_view value);
// The coding of an answer that this Accept-Encoding likes best; identity when it likes none, or says nothing.
Coding ChooseCoding(std::string_view accepted);

// kTooLarge as soon as there are more than `most` bytes; kInvalidArgument when `packed` is not what it is said to be.
Result<std::string> Unpack(Coding coding, std::string_view packed, std::size_t most);
// Quick rather than small; nullopt when it cannot be done.
std::optional<std::string> Pack(Coding coding, std::string_view text);

}  // namespace weir::http
