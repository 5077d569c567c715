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

// The path of a request's target and what follows it, also of the absolute form, which proxies send: http://host/path
// (RFC 9112, 3.2.2).
inline std::string_view PathAndQuery(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos || target.starts_with('/')) return target;
  const std::size_t slash = target.find('/', scheme + 3);
  return slash == std::string_view::npos ? "/" : target.substr(slash);
}
inline std::string_view PathOf(std::string_view target) {
  const std::string_view path = PathAndQuery(target);
  return path.substr(0, path.find('?'));
}

}  // namespace weir::http
