// What is allowed and should be thought of twice.
#include <fmt/format.h>

#include <utility>

#include "app/config.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

// Others than the owner and its group.
bool IsReadByOthers(const fs::path& file) {
  std::error_code missing;
  const fs::perms permissions = fs::status(file, missing).permissions();
  return !missing && (permissions & fs::perms::others_read) != fs::perms::none;
}

}  // namespace

std::vector<std::string> UnsafeSettings(const Config& config) {
  std::vector<std::string> found;
  const bool is_public = !IsLoopback(config.server.address);
  const bool has_keys = !config.keys_file.empty() || !config.api_keys.empty();
  if (is_public && !config.auth) {
    found.push_back(
        fmt::format("auth: none, and server.address {} can be reached from other machines: anybody may do everything",
                    config.server.address));
  }
  if (is_public && has_keys && !config.server.tls.port) {
    found.push_back(
        fmt::format("keys travel in the clear to server.address {}: set tls.port, tls.certificate and tls.key, or "
                    "have TLS in front of it",
                    config.server.address));
  }
  if (is_public && config.server.max_connections_per_address == 0) {
    found.push_back(fmt::format(
        "server.max_connections_per_address is 0, and server.address {} can be reached from other machines: "
        "one of them may take all {} connections",
        config.server.address, config.server.max_connections));
  }
  for (const auto& [setting, file] :
       {std::pair("tls.key", &config.server.tls.key), std::pair("keys_file", &config.keys_file)}) {
    if (!file->empty() && IsReadByOthers(*file)) {
      found.push_back(fmt::format("{}: {} can be read by everybody on this machine: chmod o-r {}", setting,
                                  file->string(), file->string()));
    }
  }
  for (const std::string& origin : config.cors_origins) {
    const bool is_local = origin.starts_with("http://localhost") || origin.starts_with("http://127.");
    if (origin.starts_with("http://") && !is_local) {
      found.push_back(
          fmt::format("cors.origins: whoever is between {} and its readers may ask in their name: use https", origin));
    }
  }
  return found;
}

}  // namespace weir::app
