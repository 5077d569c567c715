// How long a run takes, as a function of how many jobs are in it and how long the longest is.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace weir {

// The grid on which times are kept: powers of two both ways.
struct CostGrid {
  static constexpr std::array<std::uint32_t, 6> kBatches = {1, 2, 4, 8, 16, 32};
  static constexpr std::array<std::uint32_t, 11> kLengths = {8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};
};

// What was measured. Value type: what is saved and shown.
struct CostTable {
  // Seconds of one run, by place in kBatches and kLengths; 0 = not measured.
  std::array<std::array<double, CostGrid::kLengths.size()>, CostGrid::kBatches.size()> seconds{};

  bool empty() const;
};

// The cost of one model on this machine, in seconds of processor time. Starts with the shape of a small encoder on a
// CPU (documented in the .cc file), takes a measured table, and is refined by every run. Owned by a Deployment.
// Thread-safe, lock-free.
//
// A prediction is a cell's time per token, interpolated over the logarithms of batch and length, times a factor for
// the machine's present speed: when everything gets slower together, the choice between two batches stays.
class CostModel {
 public:
  CostModel();

  // Predicted seconds of a run of `batch` jobs padded to `length`.
  double Seconds(std::size_t batch, std::uint32_t length) const;

  // A run took this long. Robust: one run moves a prediction by some per cent at most, however slow it was.
  void Observe(std::size_t batch, std::uint32_t length, double seconds);

  // Measured times, before anything else is known. Cells that were not measured are filled from their neighbours.
  void Load(const CostTable& table);
  CostTable Table() const;
  // Whether a measured table was loaded.
  bool measured() const { return measured_.load(std::memory_order_relaxed); }

  // Smoothed |actual / predicted - 1| of the latest runs; 0 before the first.
  double error() const { return error_.load(std::memory_order_relaxed); }

 private:
  using Row = std::array<std::atomic<double>, CostGrid::kLengths.size()>;

  double Pace(std::size_t batch, std::uint32_t length) const;

  std::array<Row, CostGrid::kBatches.size()> pace_;  // seconds for one token of a padded batch, at speed_ 1
  std::atomic<double> speed_ = 1;
  std::atomic<double> error_ = 0;
  std::atomic<bool> measured_ = false;
  std::atomic<bool> scaled_ = false;  // whether a table or a first run has set the scale
};

}  // namespace weir
