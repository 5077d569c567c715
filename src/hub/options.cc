#include "hub/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <fstream>
#include <string_view>

namespace weir::hub {
namespace {

namespace fs = std::filesystem;

// The product's one word on where the hub is; HF_ENDPOINT goes over it.
constexpr std::string_view kDefaultEndpoint = "https://huggingface.co";

std::string Get(const Environment& environment, const char* name) {
  const char* value = environment(name);
  return value == nullptr ? "" : value;
}

std::string Stripped(std::string text) {
  const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
  text.erase(std::find_if_not(text.rbegin(), text.rend(), is_space).base(), text.end());
  text.erase(text.begin(), std::ranges::find_if_not(text, is_space));
  return text;
}

bool IsOn(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  constexpr std::array<std::string_view, 4> kOn = {"1", "ON", "YES", "TRUE"};
  return std::ranges::find(kOn, text) != kOn.end();
}

// "~/x" with the home folder in place of '~'.
fs::path Expanded(const std::string& path, const Environment& environment) {
  if (path == "~" || path.starts_with("~/")) {
    const std::string home = Get(environment, "HOME");
    if (!home.empty()) return fs::path(home) / path.substr(std::min<std::size_t>(2, path.size()));
  }
  return path;
}

fs::path HubHome(const Environment& environment) {
  if (const std::string home = Get(environment, "HF_HOME"); !home.empty()) return Expanded(home, environment);
  std::string caches = Get(environment, "XDG_CACHE_HOME");
  if (caches.empty()) caches = "~/.cache";
  return Expanded(caches, environment) / "huggingface";
}

Result<std::string> ReadToken(const Environment& environment, const fs::path& home) {
  std::string token = Stripped(Get(environment, "HF_TOKEN"));
  if (token.empty()) token = Stripped(Get(environment, "HUGGING_FACE_HUB_TOKEN"));
  if (token.empty() && !IsOn(Get(environment, "HF_HUB_DISABLE_IMPLICIT_TOKEN"))) {
    const std::string place = Get(environment, "HF_TOKEN_PATH");
    std::ifstream file(place.empty() ? home / "token" : Expanded(place, environment));
    std::getline(file, token);
    token = Stripped(token);
  }
  if (token.size() > 4096 || std::ranges::any_of(token, [](unsigned char c) { return c <= ' ' || c > '~'; })) {
    return InvalidArgument("HF_TOKEN (or the token file) holds something that is no token");
  }
  return token;
}

}  // namespace

Result<Options> OptionsFrom(const Environment& environment) {
  Options options;
  options.endpoint = Stripped(Get(environment, "HF_ENDPOINT"));
  if (options.endpoint.empty()) options.endpoint = kDefaultEndpoint;
  while (options.endpoint.ends_with('/')) options.endpoint.pop_back();
  if (!options.endpoint.starts_with("https://") && !options.endpoint.starts_with("http://")) {
    return InvalidArgument(fmt::format("HF_ENDPOINT is '{}', not a URL with http:// or https://", options.endpoint));
  }
  const fs::path home = HubHome(environment);
  Result<std::string> token = ReadToken(environment, home);
  if (!token) return Forward(token);
  options.token = std::move(*token);
  std::string cache = Get(environment, "HF_HUB_CACHE");
  if (cache.empty()) cache = Get(environment, "HUGGINGFACE_HUB_CACHE");
  options.cache = cache.empty() ? home / "hub" : Expanded(cache, environment);
  options.offline = IsOn(Get(environment, "HF_HUB_OFFLINE")) || IsOn(Get(environment, "TRANSFORMERS_OFFLINE"));
  if (const std::string text = Get(environment, "HF_HUB_DOWNLOAD_TIMEOUT"); !text.empty()) {
    int seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || seconds < 1 || seconds > 86'400) {
      return InvalidArgument(fmt::format("HF_HUB_DOWNLOAD_TIMEOUT is '{}', not a number of seconds", text));
    }
    options.stall = std::chrono::seconds(seconds);
  }
  return options;
}

}  // namespace weir::hub
