#include "load/endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace weir::load {

std::string Endpoint::Authority() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

Result<Endpoint> Endpoint::Parse(std::string_view url) {
  const auto bad = [&](std::string_view why) {
    return InvalidArgument(fmt::format("'{}' is no URL that can be asked ({}); write http://HOST:PORT", url, why));
  };
  std::string_view rest = url;
  if (rest.starts_with("https://")) return bad("TLS is not spoken here");
  if (rest.starts_with("http://")) rest.remove_prefix(7);
  if (rest.find("://") != std::string_view::npos) return bad("the scheme is not http");
  Endpoint endpoint;
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  if (slash + 1 < rest.size()) endpoint.path = rest.substr(slash);
  std::string_view authority = rest.substr(0, slash);
  const std::size_t bracket = authority.find(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    const std::string_view port = authority.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    if (error != std::errc() || end != port.data() + port.size() || endpoint.port == 0) return bad("the port is none");
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) authority = authority.substr(1, authority.size() - 2);
  if (authority.empty()) return bad("the host is missing");
  endpoint.host = authority;
  return endpoint;
}

}  // namespace weir::load
