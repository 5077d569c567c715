// A line on a terminal that says how far a long command is.
#pragma once

#include "base/clock.h"
#include "dataset/run.h"

namespace weir::cli {

// Draws on stderr, and only when that is a terminal. Confined to one thread. Destruction wipes the line.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Draws at most ten times a second.
  void Show(const dataset::RunView& view);

 private:
  const bool visible_;
  const TimePoint begun_;
  TimePoint next_;
  bool first_ = true;
  dataset::RunView start_;  // where a resumed run began
};

}  // namespace weir::cli
