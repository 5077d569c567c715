// Random operations on the models of a server: whether every request has one answer, and the counts add up.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "load/http_driver.h"
#include "load/pacer.h"

namespace weir::load {

// One kind of operation: so many callers, each of which takes the next of the requests when it has its answer.
struct ChurnOperation {
  std::string name;  // "infer", "load", ...
  std::size_t callers = 0;
  std::vector<HttpRequest> requests;      // in random order
  Duration most_rest = Duration::zero();  // a caller rests up to this long between two
};

// What to do. Value type.
struct ChurnPlan {
  Endpoint endpoint;
  std::vector<ChurnOperation> operations;
  std::vector<HttpRequest> at_the_end;  // one after the other, each of which has to succeed
  Duration duration = std::chrono::seconds(30);
  Duration timeout = std::chrono::seconds(60);
  bool metrics = false;      // the server has Weir's /metrics
  std::optional<pid_t> pid;  // of the server, on this machine
  std::uint64_t seed = 1;
};

// Answers by status ("200"), or by what came in place of one ("timeout", "connection lost", "unfinished").
using ChurnCounts = std::map<std::string, std::uint64_t>;

struct ChurnResult {
  double seconds = 0;
  std::map<std::string, ChurnCounts> operations;  // by name
  std::map<std::string, std::string> examples;    // of each status that is none of those that are documented
  std::optional<std::uint64_t> jobs_received;     // by the server's metrics, while this ran
  ChurnCounts jobs_answered;                      // by outcome
  std::optional<double> resident_before_mb;
  std::optional<double> resident_after_mb;
  std::vector<std::string> broken;  // promises, a sentence each; empty: all were kept
  std::vector<std::string> notes;
  bool ended_early = false;
};

// Statuses that a server may answer with while its models come and go.
bool DocumentedStatus(int status);

// Counts answers of all operations. Thread-safe.
class ChurnTally {
 public:
  void Count(const std::string& operation, const Outcome& outcome);
  void Add(const std::string& operation, const std::string& what, std::uint64_t count);

  std::uint64_t answers() const;
  // Fills in operations, examples and the promises that the answers break.
  void Finish(ChurnResult& result) const;

 private:
  mutable Mutex mu_;
  std::map<std::string, ChurnCounts> counts_ GUARDED_BY(mu_);
  std::map<std::string, std::string> examples_ GUARDED_BY(mu_);
  std::uint64_t answers_ GUARDED_BY(mu_) = 0;
};

// Blocks until it is over, or soon after `stop` is requested. The error says why nothing could be done.
Result<ChurnResult> RunChurn(const ChurnPlan& plan, ChurnTally& tally, const std::stop_token& stop);

}  // namespace weir::load
