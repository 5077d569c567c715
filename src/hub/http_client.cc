#include "hub/http_client.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "base/version.h"

namespace weir::hub {
namespace {

// The functions of libcurl that are used, from the library that the system has. Linked instead, it and the thirty
// libraries that it needs would cost each start of the program 3 ms and 6 MB.
struct Curl {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_reset) easy_reset = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&(::curl_easy_setopt)) easy_setopt = nullptr;
  decltype(&::curl_easy_perform) easy_perform = nullptr;
  decltype(&(::curl_easy_getinfo)) easy_getinfo = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;
  decltype(&::curl_url) url = nullptr;
  decltype(&::curl_url_set) url_set = nullptr;
  decltype(&::curl_url_get) url_get = nullptr;
  decltype(&::curl_url_cleanup) url_cleanup = nullptr;
  decltype(&::curl_free) free = nullptr;

  // Null when there is no such library; loaded once, never unloaded.
  static const Curl* Get() {
    static const std::optional<Curl> curl = Load();
    return curl ? &*curl : nullptr;
  }

 private:
  static std::optional<Curl> Load() {
    void* library = nullptr;
    for (const char* name : {"libcurl.so.4", "libcurl-gnutls.so.4"}) {
      if (library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL); library != nullptr) break;
    }
    if (library == nullptr) return std::nullopt;
    Curl curl;
    bool all = true;
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
      all = all && function != nullptr;
    };
    find(curl.global_init, "curl_global_init");
    find(curl.easy_init, "curl_easy_init");
    find(curl.easy_reset, "curl_easy_reset");
    find(curl.easy_cleanup, "curl_easy_cleanup");
    find(curl.easy_setopt, "curl_easy_setopt");
    find(curl.easy_perform, "curl_easy_perform");
    find(curl.easy_getinfo, "curl_easy_getinfo");
    find(curl.easy_strerror, "curl_easy_strerror");
    find(curl.slist_append, "curl_slist_append");
    find(curl.slist_free_all, "curl_slist_free_all");
    find(curl.url, "curl_url");
    find(curl.url_set, "curl_url_set");
    find(curl.url_get, "curl_url_get");
    find(curl.url_cleanup, "curl_url_cleanup");
    find(curl.free, "curl_free");
    if (!all || curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return std::nullopt;
    return curl;
  }
};

// One request under way: what libcurl's callbacks fill.
struct Transfer {
  const HttpRequest& request;
  const std::stop_token& stop;
  HttpReply reply = {};
  std::optional<Error> failure = std::nullopt;
  std::chrono::steady_clock::time_point heard = std::chrono::steady_clock::now();
  bool stalled = false;
};

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() <= ' ')) text.remove_suffix(1);
  return text;
}

// A status line begins a new set of headers: after a proxy's, or an interim answer's.
std::size_t OnHeader(char* data, std::size_t one, std::size_t size, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(data, size);
  transfer.heard = std::chrono::steady_clock::now();
  if (line.starts_with("HTTP/")) {
    transfer.reply.headers.clear();
    const std::size_t space = line.find(' ');
    transfer.reply.status = space == line.npos ? 0 : std::strtol(std::string(line.substr(space)).c_str(), nullptr, 10);
  } else if (const std::size_t colon = line.find(':'); colon != line.npos && transfer.reply.headers.size() < 200) {
    transfer.reply.headers.insert_or_assign(Lower(line.substr(0, colon)), Trimmed(line.substr(colon + 1)));
  }
  return one * size;
}

std::size_t OnBody(char* data, std::size_t one, std::size_t size, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  const std::string_view piece(data, size);
  transfer.heard = std::chrono::steady_clock::now();
  HttpReply& reply = transfer.reply;
  if (transfer.request.take && reply.status >= 200 && reply.status < 300) {
    if (Status taken = transfer.request.take(reply, piece); !taken) {
      transfer.failure = std::move(taken.error());
      return 0;
    }
  } else if (reply.body.size() + size <= transfer.request.most_body) {
    reply.body += piece;
  } else {
    transfer.failure = Error{Code::kUnavailable, "the answer is too long"};
    return 0;
  }
  return one * size;
}

// Called by libcurl again and again, also while nothing comes.
int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  transfer.stalled = std::chrono::steady_clock::now() - transfer.heard > transfer.request.stall;
  return transfer.stalled || transfer.stop.stop_requested() ? 1 : 0;
}

class CurlClient final : public HttpClient {
 public:
  CurlClient(const Curl& curl, CURL* handle) : curl_(curl), handle_(handle) {}
  ~CurlClient() override { curl_.easy_cleanup(handle_); }

  Result<HttpReply> Send(const HttpRequest& request, std::stop_token stop) override {
    Transfer transfer{.request = request, .stop = stop};
    curl_.easy_reset(handle_);
    std::array<char, CURL_ERROR_SIZE> words{};
    Set(CURLOPT_ERRORBUFFER, words.data());
    curl_slist* headers = Prepare(request, transfer);
    const CURLcode outcome = curl_.easy_perform(handle_);
    curl_.slist_free_all(headers);
    Set(CURLOPT_ERRORBUFFER, nullptr);
    if (transfer.failure) return std::unexpected(std::move(*transfer.failure));
    if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
    if (transfer.stalled) {
      return Fail(Code::kUnavailable, fmt::format("nothing came for {} s", request.stall.count() / 1000.0));
    }
    if (outcome != CURLE_OK) {
      // Trying again does not make a certificate better.
      const Code code = outcome == CURLE_PEER_FAILED_VERIFICATION ? Code::kUnprocessable : Code::kUnavailable;
      return Fail(code, words[0] != '\0' ? std::string(words.data()) : curl_.easy_strerror(outcome));
    }
    return std::move(transfer.reply);
  }

 private:
  template <typename Value>
  void Set(CURLoption option, Value value) {
    curl_.easy_setopt(handle_, option, value);
  }

  // Sets everything on the handle; returns the headers, which live until the request has ended.
  curl_slist* Prepare(const HttpRequest& request, Transfer& transfer) {
    Set(CURLOPT_URL, request.url.c_str());
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.stall.count()));
    Set(CURLOPT_USERAGENT, Agent().c_str());
    Set(CURLOPT_NOBODY, request.head ? 1L : 0L);
    Set(CURLOPT_POST, request.post ? 1L : 0L);
    if (request.post) Set(CURLOPT_POSTFIELDSIZE, 0L);
    if (!request.post && !request.head) Set(CURLOPT_HTTPGET, 1L);
    Set(CURLOPT_HEADERFUNCTION, &OnHeader);
    Set(CURLOPT_HEADERDATA, &transfer);
    Set(CURLOPT_WRITEFUNCTION, &OnBody);
    Set(CURLOPT_WRITEDATA, &transfer);
    Set(CURLOPT_NOPROGRESS, 0L);
    Set(CURLOPT_XFERINFOFUNCTION, &OnProgress);
    Set(CURLOPT_XFERINFODATA, &transfer);
    if (const char* bundle = std::getenv("SSL_CERT_FILE"); bundle != nullptr) Set(CURLOPT_CAINFO, bundle);
    // The sizes and sums that the hub tells are those of the files as they are.
    curl_slist* headers = curl_.slist_append(nullptr, "Accept-Encoding: identity");
    if (!request.token.empty()) {
      headers = curl_.slist_append(headers, fmt::format("Authorization: Bearer {}", request.token).c_str());
    }
    if (request.from > 0) {
      headers = curl_.slist_append(headers, fmt::format("Range: bytes={}-", request.from).c_str());
    }
    Set(CURLOPT_HTTPHEADER, headers);
    return headers;
  }

  static const std::string& Agent() {
    static const std::string agent = fmt::format("weir/{}", kVersion);
    return agent;
  }

  const Curl& curl_;
  CURL* const handle_;
};

// A parsed URL. Confined to one thread.
class Url {
 public:
  explicit Url(const Curl& curl) : curl_(curl), handle_(curl.url()) {}
  ~Url() { curl_.url_cleanup(handle_); }
  Url(const Url&) = delete;
  Url& operator=(const Url&) = delete;

  // After another one has been set, `text` may be relative to it.
  bool Set(const std::string& text) { return curl_.url_set(handle_, CURLUPART_URL, text.c_str(), 0) == CURLUE_OK; }
  std::string Part(CURLUPart part) const {
    char* text = nullptr;
    // The port that a scheme has by itself is told as a part, and left out of the whole.
    const unsigned flags = part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0;
    if (curl_.url_get(handle_, part, &text, flags) != CURLUE_OK) return "";
    std::string copy(text);
    curl_.free(text);
    return copy;
  }

 private:
  const Curl& curl_;
  CURLU* const handle_;
};

}  // namespace

std::string HttpReply::Header(const std::string& lower_name) const {
  const auto found = headers.find(lower_name);
  return found == headers.end() ? "" : found->second;
}

Result<std::unique_ptr<HttpClient>> HttpClient::Make() {
  const Curl* curl = Curl::Get();
  if (curl == nullptr) {
    return Fail(Code::kInternal, "models cannot be fetched: this system has no libcurl.so.4 (Debian: libcurl4)");
  }
  CURL* handle = curl->easy_init();
  if (handle == nullptr) return Fail(Code::kInternal, "libcurl gives no handle");
  return std::make_unique<CurlClient>(*curl, handle);
}

Result<std::string> JoinUrl(const std::string& base, const std::string& location) {
  const Curl* curl = Curl::Get();
  if (curl == nullptr) return Fail(Code::kInternal, "this system has no libcurl.so.4");
  Url url(*curl);
  if (!url.Set(base)) return Fail(Code::kUnavailable, fmt::format("'{}' is no URL", base));
  const std::string before = url.Part(CURLUPART_SCHEME);
  if (location.empty() || !url.Set(location)) {
    return Fail(Code::kUnavailable, "it redirects to something that is no URL");
  }
  const std::string scheme = url.Part(CURLUPART_SCHEME);
  if (scheme != "https" && (scheme != "http" || before == "https")) {
    return Fail(Code::kUnavailable, fmt::format("it redirects from {} to {}, which is not followed", before, scheme));
  }
  return url.Part(CURLUPART_URL);
}

bool SameOrigin(const std::string& one, const std::string& other) {
  const Curl* curl = Curl::Get();
  if (curl == nullptr) return false;
  Url a(*curl);
  Url b(*curl);
  if (!a.Set(one) || !b.Set(other)) return false;
  for (const CURLUPart part : {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT}) {
    if (Lower(a.Part(part)) != Lower(b.Part(part))) return false;
  }
  return true;
}

}  // namespace weir::hub
