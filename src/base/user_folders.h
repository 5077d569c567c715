// Folders of the user that runs the program.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace weir {

// $XDG_CACHE_HOME/weir, or ~/.cache/weir; empty when there is no home. What lies there may be lost at any time.
inline std::filesystem::path CacheFolder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return std::filesystem::path(cache) / "weir";
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? std::filesystem::path(home) / ".cache" / "weir" : std::filesystem::path();
}

// $XDG_STATE_HOME/weir, or ~/.local/state/weir; empty when there is no home. What lies there is to be kept.
inline std::filesystem::path StateFolder() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && state[0] == '/') return std::filesystem::path(state) / "weir";
  const char* home = std::getenv("HOME");
  const bool is_home = home != nullptr && home[0] == '/';
  return is_home ? std::filesystem::path(home) / ".local" / "state" / "weir" : std::filesystem::path();
}

// Where optimised copies of graphs are kept (model/onnx/optimized_copies.h); empty when there is no home.
inline std::filesystem::path GraphCopiesFolder() {
  const std::filesystem::path cache = CacheFolder();
  return cache.empty() ? cache : cache / "graphs";
}

}  // namespace weir
