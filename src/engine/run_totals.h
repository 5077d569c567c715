// What a version of a model has done since the start, in numbers that add up.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "base/clock.h"
#include "base/mutex.h"
#include "model/model.h"

namespace weir {

// How often, and how long together.
struct CountedTime {
  std::uint64_t count = 0;
  Duration time{};

  void Add(Duration one) {
    ++count;
    time += one;
  }
};

// How often, and how long together, by part: making the inputs of the graph, the graph, making answers of its outputs.
struct RunTime {
  std::uint64_t count = 0;
  Duration input{};
  Duration graph{};
  Duration output{};

  void Add(const RunTime& one) {
    count += one.count;
    input += one.input;
    graph += one.graph;
    output += one.output;
  }
};

// Kept by the registry for as long as the version is known, written by its Deployments. Thread-safe; never blocks long.
class RunTotals {
 public:
  struct Numbers {
    CountedTime succeeded;  // jobs, from being queued to being answered
    CountedTime failed;
    CountedTime queued;                      // of jobs that were run: from being queued to the start of their run
    RunTime run;                             // of jobs: the whole run that each was in
    CountedTime cache_hits;                  // of jobs; they count as succeeded too
    CountedTime cache_misses;                // of jobs, those too that waited for another one's answer
    std::uint64_t executions = 0;            // runs
    std::chrono::milliseconds last{};        // start of the last run, since 1970; zero: none
    std::map<std::size_t, RunTime> runs_of;  // by how many jobs were in a run
  };

  // A job that the prediction cache had an answer for, or not.
  void Cached(bool hit, Duration time);
  // A run of jobs that were queued at these moments. `graph`: within it; otherwise all of it counts as the graph's.
  void Ran(std::span<const TimePoint> queued, TimePoint start, TimePoint end, const GraphTime& graph);
  void Answered(bool succeeded, Duration since_queued);

  Numbers Take() const;

 private:
  mutable Mutex mu_;
  Numbers numbers_ GUARDED_BY(mu_);
};

}  // namespace weir
