// Asks a server how it is, again and again, while it is under load.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "load/endpoint.h"
#include "load/http_request.h"
#include "load/overload_tally.h"

namespace weir::load {

// What one path answered. Value type.
struct ProbeResult {
  std::string path;
  std::uint64_t failed = 0;  // not answered, or not with 200
  Latencies latency;         // connecting included
};

// The health and metrics paths that this server has: Weir's, else those of the Open Inference Protocol. Blocks.
std::vector<std::string> FindProbePaths(const Endpoint& endpoint, const HttpRequest& like);

// Asks each path every 50 ms, on a new connection as monitors do, from a thread for each, from construction to Finish.
// An answer that took longer than that also counts for the times at which it held back the next ones. Blocks in Finish.
class Probes {
 public:
  Probes(const Endpoint& endpoint, const std::vector<std::string>& paths);
  ~Probes();
  Probes(const Probes&) = delete;
  Probes& operator=(const Probes&) = delete;

  std::vector<ProbeResult> Finish();

 private:
  class One;
  std::vector<std::unique_ptr<One>> probes_;
};

}  // namespace weir::load
