// Whether a downloaded file is the one that the hub announced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string_view>

#include "base/result.h"

namespace weir::hub {

// Compares a file with its ETag: 64 hexadecimal digits are its SHA-256 (large files), 40 are git's object id, the
// SHA-1 of "blob SIZE\0" and the content (small files). Another form says nothing of the content and is taken.
// Blocks while the file is read. kUnavailable with both sums when they differ; kCancelled.
Status CheckContent(const std::filesystem::path& file, std::string_view etag, std::stop_token stop);

}  // namespace weir::hub
