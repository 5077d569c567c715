// Values of headers: case and blanks.
// Source: RFC 9110, 5.6.
#pragma once

#include <algorithm>
#include <string_view>

namespace weir::http {

// Without regard to the case of ASCII letters.
inline bool SameText(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// Without the spaces and tabs at both ends.
inline std::string_view Trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace weir::http
