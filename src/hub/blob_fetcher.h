// Fetches one file into the cache, from where an earlier try stopped.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "hub/cache.h"
#include "hub/hub_client.h"
#include "hub/options.h"

namespace weir::hub {

// Hears how many bytes of the file are there now, and how many of them came just now.
using BytesListener = std::function<void(std::uint64_t there, std::uint64_t came)>;

// What fetching one file needs. Everything it refers to outlives it. Confined to one thread.
struct BlobFetcher {
  HubClient& client;
  const RepositoryCache& cache;
  const Options& options;
  std::function<void(std::string_view)> notice;
  std::stop_token stop;

  // Takes the blob's lock and, unless the blob is there, fetches and checks it; then moves it into place. Blocks.
  // Goes on after a cut with a Range request, begins anew (once) when the content is wrong.
  Status Fetch(const std::string& commit, const FileInfo& info, const BytesListener& on_bytes);
};

}  // namespace weir::hub
