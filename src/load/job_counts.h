// What a server's metrics say of the jobs that it took and answered.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace weir::load {

// Of all models together, since the server's start. Value type.
struct JobCounts {
  std::uint64_t received = 0;                     // weir_jobs_queued_total
  std::map<std::string, std::uint64_t> answered;  // weir_jobs_answered_total, by outcome
  std::uint64_t in_flight = 0;                    // weir_jobs_in_flight
  bool there = false;                             // these metrics exist

  std::uint64_t answers() const;
};

// From the text format of Prometheus.
JobCounts ReadJobCounts(std::string_view metrics);
// What was added from `before` to `after`.
JobCounts Difference(const JobCounts& after, const JobCounts& before);

}  // namespace weir::load
