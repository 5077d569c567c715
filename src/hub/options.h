// Where the hub is, who asks, and where its files are kept.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "base/result.h"

namespace weir::hub {

// Defaults are those of the hub's own tools. Value type.
struct Options {
  std::string endpoint;         // without a slash at its end
  std::string token;            // sent to the endpoint and nowhere else; may be empty
  std::filesystem::path cache;  // "~/.cache/huggingface/hub"
  bool offline = false;         // nothing is asked, only the cache is used

  // A connection that gives no byte for so long has stalled.
  std::chrono::milliseconds stall{10'000};
  // Tries that bring nothing, in a row, before it is given up, and the pause after the first of them; each pause is
  // twice the one before it.
  int tries = 5;
  std::chrono::milliseconds first_pause{250};
};

// The value of an environment variable, or null.
using Environment = std::function<const char*(const char* name)>;

// From HF_ENDPOINT, HF_TOKEN (or the file HF_TOKEN_PATH, HF_HOME/token), HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME,
// HF_HUB_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT (seconds), with the meaning that the hub's own tools give them.
// InvalidArgument names the variable.
Result<Options> OptionsFrom(const Environment& environment);

}  // namespace weir::hub
