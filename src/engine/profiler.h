// Measures what runs of a model cost, while nothing else is to do.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "engine/cost_model.h"
#include "engine/servable.h"

namespace weir {

struct ProfileOptions {
  // No further length is begun after this much measuring.
  Duration budget = std::chrono::seconds(4);
  std::uint32_t longest = 512;  // in tokens, or the model's limit
  // Called after each measured cell: batch, length, seconds.
  std::function<void(std::size_t, std::uint32_t, double)> on_cell = [](std::size_t, std::uint32_t, double) {};
};

// Times one run of made-up jobs after the other: for each length of the grid batches of 1, 2, 4... until a larger one
// has stopped paying. `measure(run)` calls `run` when the cores are free and returns false to give up; it may call it
// again when that run was disturbed. Blocks.
class Profiler {
 public:
  // Runs with a stop token; returns false when stopped before its end.
  using Run = std::function<bool(const std::stop_token&)>;
  using Measure = std::function<bool(const Run&)>;

  Profiler(const Servable& servable, ProfileOptions options);

  // False when the servable has no made-up jobs, when `measure` gave up or when a run failed.
  bool Profile(const Measure& measure, CostTable& table);

 private:
  bool MeasureLength(std::size_t length_place, const Measure& measure, CostTable& table);
  bool Time(std::size_t batch, std::uint32_t length, const Measure& measure, double& seconds);

  const Servable& servable_;
  const ProfileOptions options_;
  const std::unique_ptr<Runner> runner_;
  double spent_ = 0;  // seconds
};

}  // namespace weir
