// Fetches the files of a model from the hub into the cache.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/names.h"
#include "hub/options.h"

namespace weir::hub {

// How far a pull is. Value type.
struct Progress {
  std::string file;        // being fetched now
  std::uint64_t done = 0;  // bytes of all files to fetch, those from an earlier try included
  std::uint64_t total = 0;
  std::uint64_t fetched = 0;  // bytes that came during this pull
};

// Hears of a pull, on the thread that pulls. Must not block for long.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void OnProgress(const Progress& progress) = 0;
  // Worth a line of its own: "config.json: nothing came for 10 s; trying again in 1 s".
  virtual void OnNotice(std::string_view notice) = 0;
};

// Says which of a repository's files are wanted, in the order in which they are to appear: the one that makes the
// folder usable last, so that a folder which has it is whole.
using Selector = std::function<Result<std::vector<std::string>>(std::span<const std::string> files)>;

// A model in the cache. Value type.
struct Snapshot {
  std::filesystem::path folder;
  std::string commit;
  std::vector<std::string> files;  // what the selector wanted
  std::uint64_t fetched_bytes = 0;
  std::size_t fetched_files = 0;
  std::string offline;  // why the hub was not asked; empty when it was
};

// Fetches what is missing and checks it; blocks. What was fetched stays when it fails or is stopped, and the next try
// goes on from there. When the hub cannot be reached and the cache has the revision, that is taken.
//
// kNotFound: no such repository, revision or file. kUnprocessable: the hub wants a token, or another, or its
// certificate is not trusted. kUnavailable: it cannot be reached or is broken. kResourceExhausted: it refuses for now,
// or the disk is too small. kInternal: what it sends is not what it announced, or the disk cannot be written.
// kCancelled. The selector's errors are handed on.
Result<Snapshot> Pull(const Options& options, const Reference& reference, const Selector& select, Listener& listener,
                      std::stop_token stop);

}  // namespace weir::hub
