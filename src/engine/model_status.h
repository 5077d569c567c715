// What is told of a model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/deployment.h"
#include "engine/model_load.h"
#include "engine/model_state.h"
#include "engine/model_version.h"
#include "engine/run_totals.h"

namespace weir {

// What has happened to a model since the start, over all of its versions. Value type.
struct ModelCounts {
  std::uint64_t loads = 0;      // that were published, reloads included
  std::uint64_t reloads = 0;    // that took the place of one that served
  std::uint64_t failed = 0;     // loads that failed
  std::uint64_t timed_out = 0;  // loads that took too long
  std::uint64_t cancelled = 0;  // loads that were given up: cancelled, or unloaded meanwhile
  std::uint64_t unloads = 0;
  std::uint64_t evictions = 0;  // to make room for another one
};

// One version of a model, as lists show it. Value type.
struct VersionStatus {
  VersionNumber version = 0;
  ModelState state = ModelState::kAbsent;
  std::string reason = {};  // why its last load or reload failed; empty otherwise
  bool served = true;       // by the policy; otherwise it stands in for one that is not ready
  bool offered = true;      // a request for it is answered, or waits
};

// One model: what a request that names no version gets, and the versions. Value type.
struct ModelStatus {
  std::string name;
  VersionNumber version = 0;
  ModelState state = ModelState::kAbsent;
  // Why the last load or reload of the version failed, or why another one stands in for it; empty otherwise.
  std::string reason = {};
  std::optional<Code> failure = {};  // of the last load or reload, when it failed
  std::string task = {};             // empty unless it is ready
  bool on_demand = false;            // it is loaded with the first request for it
  bool fallback_used = false;        // what serves is not what was meant to
  bool loading = false;              // a load is under way; while it is ready: a reload, or a newer version
  Duration loading_for{};
  std::size_t tries = 0;    // of the load under way, else of the last one
  std::size_t waiting = 0;  // callers that wait for it to be ready
  ModelCounts counts = {};
  Duration load_time{};  // of the load that serves
  LoadSteps steps = {};
  std::uint64_t weight_bytes = 0;
  std::uint64_t memory_bytes = 0;            // that it counts towards memory.budget
  std::string device = {};                   // "cpu", while it is ready
  DeploymentStatus serving = {};             // bounds as they are set; what is under way, on copies replaced too
  LoadLimits load_limits = {};               // of its next load
  RunTotals::Numbers totals = {};            // of that version
  std::vector<VersionStatus> versions = {};  // the newest first
};

}  // namespace weir
