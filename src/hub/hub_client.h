// The hub's protocol: what a repository holds, and its files.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "hub/http_client.h"
#include "hub/listing.h"
#include "hub/names.h"
#include "hub/options.h"

namespace weir::hub {

// What the hub announces of one file. Value type.
struct FileInfo {
  std::string file;
  std::string etag;
  std::uint64_t size = 0;
};

// Asks one endpoint about one repository; tries again, with growing pauses, when the network or the hub fails. The
// token goes to the endpoint alone, whatever redirects say. Confined to one thread; every call blocks.
class HubClient {
 public:
  // `http` and `options` outlive it. `notice` hears of each failure that is tried again.
  HubClient(HttpClient& http, const Options& options, std::string repository,
            std::function<void(std::string_view)> notice, std::stop_token stop)
      : http_(http), options_(options), repository_(std::move(repository)), notice_(std::move(notice)),
        stop_(std::move(stop)) {}

  // GET /api/models/REPOSITORY/revision/REVISION. `tries` goes over the options' where that is more.
  Result<Listing> List(const std::string& revision, int tries);
  // HEAD /REPOSITORY/resolve/COMMIT/FILE.
  Result<FileInfo> Describe(const std::string& commit, const std::string& file);
  // One try, without pauses: GET of the same from byte `from` on, each piece given to `take`.
  Status Fetch(const std::string& commit, const std::string& file, std::uint64_t from, const BodyTaker& take);

  // Whether a failure may be over by itself.
  static bool IsPassing(const Error& error);

 private:
  // With retries and redirects; an answer is of status 200 to 299 or, for HEAD, one that redirects elsewhere.
  Result<HttpReply> Ask(HttpRequest request, const std::string& what, int tries);
  Result<HttpReply> AskOnce(HttpRequest request, const std::string& what);
  std::unexpected<Error> Refused(const HttpReply& reply, const std::string& what) const;
  std::string FileUrl(const std::string& commit, const std::string& file) const;

  HttpClient& http_;
  const Options& options_;
  const std::string repository_;
  const std::function<void(std::string_view)> notice_;
  const std::stop_token stop_;
};

}  // namespace weir::hub
