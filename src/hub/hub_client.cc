#include "hub/hub_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "hub/pause.h"

namespace weir::hub {
namespace {

constexpr int kMostRedirects = 10;
constexpr std::uint64_t kLargestFile = std::uint64_t{256} << 30;

bool IsRedirect(long status) { return status >= 301 && status <= 308 && status != 304 && status != 305; }

std::optional<std::uint64_t> Number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Retry-After as a number of seconds; a date counts as not told.
std::chrono::milliseconds RetryAfter(const HttpReply& reply) {
  const std::uint64_t seconds = Number(reply.Header("retry-after")).value_or(0);
  return std::chrono::seconds(std::min<std::uint64_t>(seconds, 86'400));
}

// The hub's own words on an error, made fit for a line.
std::string HubsWords(const HttpReply& reply) {
  std::string words = reply.Header("x-error-message").substr(0, 300);
  std::ranges::replace_if(words, [](unsigned char c) { return c < ' ' || c == 0x7F; }, ' ');
  return words.empty() ? "" : fmt::format(" (it says: {})", words);
}

// A HEAD that redirects to where the content lies already tells what there is to know of it.
bool DescribesFile(const HttpReply& reply) { return !reply.Header("x-linked-etag").empty(); }

}  // namespace

bool HubClient::IsPassing(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kResourceExhausted;
}

std::unexpected<Error> HubClient::Refused(const HttpReply& reply, const std::string& what) const {
  const std::string told =
      fmt::format("{} answers {} to {}{}", options_.endpoint, reply.status, what, HubsWords(reply));
  Error error{Code::kUnavailable, told};
  error.retry_after = RetryAfter(reply);
  const std::string kind = reply.Header("x-error-code");
  if (reply.status == 429 || reply.status == 408) {
    error.code = Code::kResourceExhausted;
  } else if (reply.status == 404 || kind == "RepoNotFound" || kind == "RevisionNotFound") {
    error.code = Code::kNotFound;
    if (kind == "RevisionNotFound") {
      error.message = fmt::format("{} has no such revision: {}", repository_, told);
    } else if (kind != "EntryNotFound") {
      error.message += options_.token.empty() ? ": there is no such model, or it is private and HF_TOKEN is not set"
                                              : ": there is no such model, or HF_TOKEN may not see it";
    }
  } else if (reply.status == 401 || reply.status == 403) {
    error.code = Code::kUnprocessable;
    error.message += options_.token.empty() ? ": set HF_TOKEN to a token that may read it"
                                            : ": the token (HF_TOKEN or the token file) may not read it";
  } else if (reply.status < 500) {
    error.code = Code::kInternal;
  }
  return std::unexpected(std::move(error));
}

Result<HttpReply> HubClient::AskOnce(HttpRequest request, const std::string& what) {
  request.stall = options_.stall;
  for (int redirects = 0; redirects <= kMostRedirects; ++redirects) {
    const bool at_home = SameOrigin(request.url, options_.endpoint);
    request.token = at_home ? options_.token : "";
    Result<HttpReply> reply = http_.Send(request, stop_);
    if (!reply) {
      if (reply.error().code == Code::kCancelled) return reply;
      return Fail(reply.error().code, fmt::format("{}: {}", what, reply.error().message));
    }
    if (reply->status >= 200 && reply->status < 300) return reply;
    if (!IsRedirect(reply->status)) return Refused(*reply, what);
    if (request.head && DescribesFile(*reply)) return reply;
    Result<std::string> next = JoinUrl(request.url, reply->Header("location"));
    if (!next) return Fail(Code::kUnavailable, fmt::format("{}: {}", what, next.error().message));
    request.url = std::move(*next);
  }
  return Fail(Code::kInternal, fmt::format("{}: more than {} redirects", what, kMostRedirects));
}

Result<HttpReply> HubClient::Ask(HttpRequest request, const std::string& what, int tries) {
  for (int failures = 1;; ++failures) {
    Result<HttpReply> reply = AskOnce(request, what);
    if (reply || !IsPassing(reply.error()) || failures >= tries) return reply;
    const auto pause = PauseAfter(failures, options_.first_pause, reply.error().retry_after);
    notice_(fmt::format("{}; trying again in {} s", reply.error().message, pause.count() / 1000.0));
    if (!Pause(pause, stop_)) return Fail(Code::kCancelled, "stopped");
  }
}

Result<Listing> HubClient::List(const std::string& revision, int tries) {
  const std::string url = fmt::format("{}/api/models/{}/revision/{}", options_.endpoint, UrlEncode(repository_, true),
                                      UrlEncode(revision, false));
  Result<HttpReply> reply = Ask({.url = url}, fmt::format("the list of {} at {}", repository_, revision), tries);
  if (!reply) return Forward(reply);
  Result<Listing> listing = ParseListing(reply->body);
  if (!listing) return Fail(listing.error().code, fmt::format("{}: {}", url, listing.error().message));
  return listing;
}

std::string HubClient::FileUrl(const std::string& commit, const std::string& file) const {
  return fmt::format("{}/{}/resolve/{}/{}", options_.endpoint, UrlEncode(repository_, true), commit,
                     UrlEncode(file, true));
}

Result<FileInfo> HubClient::Describe(const std::string& commit, const std::string& file) {
  Result<HttpReply> reply = Ask({.url = FileUrl(commit, file), .head = true}, file, options_.tries);
  if (!reply) return Forward(reply);
  const auto strange = [&](std::string_view why) {
    return Fail(Code::kUnavailable,
                fmt::format("{}: {} does not answer as a hub does: {}", file, options_.endpoint, why));
  };
  if (reply->Header("x-repo-commit") != commit) return strange("X-Repo-Commit is not the commit that was asked for");
  const bool linked = DescribesFile(*reply);
  FileInfo info{.file = file, .etag = NormalizeEtag(reply->Header(linked ? "x-linked-etag" : "etag"))};
  if (Status good = CheckEtag(info.etag); !good) return strange(good.error().message);
  const std::string told = reply->Header("x-linked-size");
  const auto size = Number(told.empty() && !IsRedirect(reply->status) ? reply->Header("content-length") : told);
  if (!size) return strange("it does not tell the file's size");
  if (*size > kLargestFile) return strange(fmt::format("the file is said to have {} bytes", *size));
  info.size = *size;
  return info;
}

Status HubClient::Fetch(const std::string& commit, const std::string& file, std::uint64_t from, const BodyTaker& take) {
  Result<HttpReply> reply = AskOnce({.url = FileUrl(commit, file), .from = from, .take = take}, file);
  if (!reply) return Forward(reply);
  return {};
}

}  // namespace weir::hub
