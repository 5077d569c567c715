// The hub's list of a repository's files: whatever it says, no name leaves the folder.
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "hub/listing.h"
#include "hub/names.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto listing = weir::hub::ParseListing({reinterpret_cast<const char*>(data), size});
  if (!listing) {
    if (listing.error().message.empty()) __builtin_trap();
    return 0;
  }
  if (!weir::hub::IsCommit(listing->commit)) __builtin_trap();
  for (const std::string& file : listing->files) {
    const std::filesystem::path place = (std::filesystem::path("/cache") / file).lexically_normal();
    if (!place.string().starts_with("/cache/")) __builtin_trap();
  }
  return 0;
}
