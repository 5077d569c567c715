#include "hub/pull.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "hub/blob_fetcher.h"
#include "hub/cache.h"
#include "hub/http_client.h"
#include "hub/hub_client.h"

namespace weir::hub {
namespace {

namespace fs = std::filesystem;

// One pull: the steps share these. Confined to one thread.
class Puller {
 public:
  Puller(const Options& options, const Reference& reference, Listener& listener, std::stop_token stop)
      : options_(options), reference_(reference), listener_(listener), stop_(std::move(stop)),
        cache_(options.cache, reference.repository) {}

  Result<Snapshot> Run(const Selector& select) {
    if (options_.offline) return FromCache(select, "HF_HUB_OFFLINE is set");
    Result<std::unique_ptr<HttpClient>> http = HttpClient::Make();
    if (!http) return Forward(http);
    const auto notice = [this](std::string_view words) { listener_.OnNotice(words); };
    HubClient client(**http, options_, reference_.repository, notice, stop_);
    // With something to fall back to there is no need to insist.
    const bool cached = cache_.CommitOf(reference_.revision).has_value();
    Result<Listing> listing = client.List(reference_.revision, cached ? 1 : options_.tries);
    if (!listing) {
      if (cached && HubClient::IsPassing(listing.error())) return FromCache(select, listing.error().message);
      return Forward(listing);
    }
    return Fetch(client, *listing, select);
  }

 private:
  // `why` the hub is not asked.
  Result<Snapshot> FromCache(const Selector& select, const std::string& why) {
    const std::optional<std::string> commit = cache_.CommitOf(reference_.revision);
    const std::vector<std::string> files = commit ? cache_.Files(*commit) : std::vector<std::string>();
    if (files.empty()) {
      return Fail(Code::kUnavailable,
                  fmt::format("{} at {} is not in the cache {}, and the hub is not reached: {}", reference_.repository,
                              reference_.revision, options_.cache.string(), why));
    }
    Result<std::vector<std::string>> wanted = select(files);
    if (!wanted) {
      return Fail(wanted.error().code,
                  fmt::format("{}; only the cache was looked at: {}", wanted.error().message, why));
    }
    return Snapshot{.folder = cache_.Snapshot(*commit), .commit = *commit, .files = std::move(*wanted), .offline = why};
  }

  Result<Snapshot> Fetch(HubClient& client, const Listing& listing, const Selector& select) {
    Result<std::vector<std::string>> wanted = select(listing.files);
    if (!wanted) return Forward(wanted);
    Snapshot snapshot{.folder = cache_.Snapshot(listing.commit), .commit = listing.commit, .files = std::move(*wanted)};
    std::vector<FileInfo> missing;
    for (const std::string& file : snapshot.files) {
      if (cache_.Has(listing.commit, file)) continue;
      Result<FileInfo> info = client.Describe(listing.commit, file);
      if (!info) return Forward(info);
      missing.push_back(std::move(*info));
    }
    if (!missing.empty()) {
      if (Status made = cache_.MakeFolders(); !made) return Forward(made);
      if (Status fits = CheckSpace(missing); !fits) return Forward(fits);
    }
    for (const FileInfo& info : missing) {
      if (Status fetched = FetchOne(client, listing.commit, info); !fetched) return Forward(fetched);
    }
    if (Status written = WriteRef(listing.commit, !missing.empty()); !written) return Forward(written);
    snapshot.fetched_bytes = progress_.fetched;
    snapshot.fetched_files = missing.size();
    return snapshot;
  }

  Status FetchOne(HubClient& client, const std::string& commit, const FileInfo& info) {
    progress_.file = info.file;
    const std::uint64_t before = progress_.done;
    const auto on_bytes = [&](std::uint64_t there, std::uint64_t came) {
      progress_.done = before + there;
      progress_.fetched += came;
      listener_.OnProgress(progress_);
    };
    const auto notice = [this](std::string_view words) { listener_.OnNotice(words); };
    BlobFetcher fetcher{.client = client, .cache = cache_, .options = options_, .notice = notice, .stop = stop_};
    if (Status fetched = fetcher.Fetch(commit, info, on_bytes); !fetched) return fetched;
    return cache_.Link(commit, info.file, info.etag);
  }

  // A cache that nothing may be written to is good enough when it has all.
  Status WriteRef(const std::string& commit, bool must) {
    Status written = cache_.WriteRef(reference_.revision, commit);
    return written || must ? written : Status();
  }

  // Counts what there is to fetch and refuses at once what the disk cannot hold.
  Status CheckSpace(const std::vector<FileInfo>& missing) {
    std::uint64_t needed = 0;
    std::set<std::string> counted;
    for (const FileInfo& info : missing) {
      progress_.total += info.size;
      if (!counted.insert(info.etag).second) continue;
      std::error_code error;
      const std::uint64_t there = fs::exists(cache_.Blob(info.etag), error) ? info.size : PartOf(info);
      needed += info.size - std::min(there, info.size);
    }
    std::error_code error;
    const fs::space_info space = fs::space(cache_.folder(), error);
    if (error || space.available >= needed) return {};
    return Fail(Code::kResourceExhausted,
                fmt::format("{} needs {} MB, {} has {} MB left", reference_.repository, needed / 1'000'000 + 1,
                            options_.cache.string(), space.available / 1'000'000));
  }

  std::uint64_t PartOf(const FileInfo& info) const {
    std::error_code error;
    const std::uint64_t size = fs::file_size(cache_.Incomplete(info.etag), error);
    return error ? 0 : size;
  }

  const Options& options_;
  const Reference& reference_;
  Listener& listener_;
  const std::stop_token stop_;
  const RepositoryCache cache_;
  Progress progress_;
};

}  // namespace

Result<Snapshot> Pull(const Options& options, const Reference& reference, const Selector& select, Listener& listener,
                      std::stop_token stop) {
  return Puller(options, reference, listener, std::move(stop)).Run(select);
}

}  // namespace weir::hub
