// "Did you mean …?": the known name that is closest to what was written.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace weir {

// The candidate with the least edit distance (insert, delete, replace, swap of neighbours; case ignored),
// or "" when none is within a third of the longer length (at least 1).
std::string Nearest(std::string_view written, std::span<const std::string> candidates);

// " (did you mean 'x'?)" or "": ready to be put into a message.
std::string DidYouMean(std::string_view written, std::span<const std::string> candidates);

}  // namespace weir
