#include "text/text_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace weir {
namespace {

// In UTF-8: U+0085, U+00A0, U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000; and of ASCII the space,
// tab to carriage return, and the separators 1C to 1F.
constexpr std::array<std::string_view, 19> kWideSpaces = {
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83",
    "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A",
    "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

// Bytes of the white space that `text` starts with; 0 when it starts with something else.
std::size_t LeadingSpace(std::string_view text) {
  const char first = text[0];
  if (first == ' ' || (first >= '\t' && first <= '\r') || (first >= '\x1C' && first <= '\x1F')) return 1;
  const auto wide = std::ranges::find_if(kWideSpaces, [&](std::string_view space) { return text.starts_with(space); });
  return wide == kWideSpaces.end() ? 0 : wide->size();
}

}  // namespace

std::string TextRequest::FieldOf(std::size_t index) const {
  return texts.size() > 1 ? Indexed("input", index) : "input";
}

bool IsBlank(std::string_view text) {
  while (!text.empty()) {
    const std::size_t space = LeadingSpace(text);
    if (space == 0) return false;
    text.remove_prefix(space);
  }
  return true;
}

}  // namespace weir
