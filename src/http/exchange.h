// One request and its answer, as handlers see them. Knows nothing of sockets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "access/key_ring.h"
#include "base/clock.h"
#include "base/result.h"
#include "engine/job.h"
#include "engine/patience.h"
#include "engine/priority.h"

namespace weir::http {

// In which shape errors are written on a route.
enum class Dialect { kOpenAi, kOip, kSentiment, kCandles };

struct Response {
  int status = 200;
  std::string body;
  std::string_view content_type = "application/json";  // of static duration
  std::vector<std::pair<std::string, std::string>> headers;
  StageTimes times{};  // of an answer by a model
};

// Shared by the connection and whoever works on the answer. Respond may be called on any thread, once;
// everything else belongs to the thread that holds the exchange until it is handed on. Destroyed without an
// answer it sends 500, so that no client waits for ever.
class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual std::string_view method() const = 0;
  virtual std::string_view path() const = 0;             // without the query
  virtual std::string_view query() const { return {}; }  // what stands behind the '?', as it is
  // Value of a header (name in any case), or "". Of one that is not there `data()` is null, of an empty one it is not.
  virtual std::string_view Header(std::string_view name) const = 0;
  virtual const std::string& body() const = 0;
  // Ends when the client goes away.
  virtual std::stop_token stop() const = 0;

  // Sends the answer. The second and later calls do nothing.
  virtual void Respond(Response response) = 0;
  // Or an answer in pieces: once BeginStream, whose response has no body (that of the request is gone then), then
  // SendPiece, one after the other on any threads, then EndStream. Dropped without an end the connection is cut, so
  // that no client takes half an answer for a whole one. What the client does not take in time is kept; once that is
  // more than there is room for, the client is gone.
  virtual void BeginStream(Response /*head*/) {}
  virtual void SendPiece(std::string /*piece*/) {}
  virtual void EndStream() {}

  bool Tells(const Response& response) const { return wants_details || response.status >= 400; }

  // Set by middlewares and the router, before the handler runs.
  std::string request_id;
  bool wants_details = true;  // id and times with an answer that is no error
  std::string trace_id;       // of its traceparent; empty when it has none
  std::string trace_flags;    // of the same
  Patience patience;
  Priority priority = Priority::kNormal;
  std::uint64_t client = 0;                     // who sent it: by its key, else by its address
  std::string_view peer;                        // that address, as text; empty where it is not known
  access::Scope scope = access::Scope::kInfer;  // what the route asks of a key
  std::shared_ptr<const access::KeyUse> key;    // whose key it is; null where none is asked for
  access::KeyUse::Lease lease;                  // on the key's requests under way
  Dialect dialect = Dialect::kOpenAi;           // of the route
  std::string_view route = "unmatched";         // the pattern, for metrics: of static duration
  std::vector<std::string> parameters;          // what stands for the {names} of the pattern
};

using ExchangePtr = std::shared_ptr<Exchange>;

// The value of a header by its name in lower case, or "".
using HeaderOf = std::function<std::string_view(std::string_view)>;

// The class that a request names in its body, or else has; kPermissionDenied when its key may not have that.
Result<Priority> PriorityOf(const Exchange& exchange, std::optional<Priority> named);

}  // namespace weir::http
