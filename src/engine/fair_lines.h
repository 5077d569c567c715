// The jobs of a model in the order in which they are to run: fair between classes, and between the clients of a class.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/job.h"
#include "engine/priority.h"
#include "engine/turn_queue.h"

namespace weir {

// A line for each class. Which line is served next, and where in its line a job stands, follows start-time fair
// queueing (Goyal, Vin, Cheng 1996): who has work gets its share of it, and who comes late starts where the others are,
// without a claim to what it did not use. Jobs of one client keep their order; the later jobs of a request of many
// (JobRequest::work_before) count as a client of their own, so that they let the client's next requests in between.
// Owned by a BatchQueue. Thread-compatible.
class FairLines {
 public:
  bool empty() const { return size() == 0; }
  std::size_t size() const;
  // That are remembered.
  std::size_t clients() const;

  void Insert(JobPtr job);

  // The line that is to be served next: of those with jobs, the one that has used least of its share. Not when empty.
  TurnQueue& Next();
  // Takes the jobs at these places of the line that Next gives.
  void Take(std::span<const std::uint32_t> places, std::vector<JobPtr>& out);

  // Takes out all for which `unwanted(job)` holds.
  template <typename Unwanted>
  void TakeIf(Unwanted unwanted, std::vector<JobPtr>& out) {
    for (Line& line : lines_) line.jobs.TakeIf(unwanted, out);
  }

 private:
  // A client's place in virtual time, which advances by the length of what it sends.
  struct Flow {
    double start = 0;  // of its last request
    double end = 0;
  };
  struct Line {
    TurnQueue jobs;
    double turn = 0;  // of the job that was served last
    double used = 0;  // lengths that were run, over the class's share
    std::unordered_map<std::uint64_t, Flow> flows;
  };

  std::size_t NextIndex() const;
  static void Forget(Line& line);

  std::array<Line, kPriorities> lines_;
  double used_ = 0;  // by the line that was served last, before that: where a line that was empty starts
};

}  // namespace weir
