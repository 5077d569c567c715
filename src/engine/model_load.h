// One load of a model, from being asked for to its end.
#pragma once

#include <atomic>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "engine/servable.h"

namespace weir {

struct LoadLimits {
  std::size_t tries = 3;                         // after errors that may pass
  Duration pause = std::chrono::seconds(1);      // before the second try; twice as long before each further one
  Duration timeout = std::chrono::seconds(300);  // from being asked for; then it is given up
  // After a failure requests hear of it for so long; the first one after that tries again.
  Duration back_off = std::chrono::seconds(30);
};

// How long the steps of a load took.
struct LoadSteps {
  Duration build{};  // files read, session made; over all tries
  Duration prove{};  // the first run
};

// Whether a load that failed with this may go well the next time: memory, or a device that could not be read. What is
// wrong in the files stays wrong.
bool MayPass(const Error& error);

// Shared by the registry and the loader thread that runs it. Whoever gives it up takes it out of the registry; what it
// makes after that is dropped. Thread-safe.
class ModelLoad {
 public:
  ModelLoad(std::string name, TimePoint started, bool beside)
      : name_(std::move(name)), started_(started), beside_(beside) {}

  const std::string& name() const { return name_; }
  TimePoint started() const { return started_; }
  // Whether another version of the model serves meanwhile.
  bool beside() const { return beside_; }
  std::size_t tries() const { return tries_.load(std::memory_order_relaxed); }

  // Ends it at the next step; does not wait.
  void GiveUp() { stop_.request_stop(); }

  // Builds the model and proves it with one run; again, as far as the limits say, after an error that may pass. Blocks.
  // Called once, by a loader thread.
  Result<std::shared_ptr<const Servable>> Run(ServableLoader& loader, const LoadLimits& limits, const Clock& clock);
  // Valid after Run, for the thread that called it.
  const LoadSteps& steps() const { return steps_; }

 private:
  Result<std::shared_ptr<const Servable>> Try(ServableLoader& loader, const Clock& clock);

  // Constant after construction.
  const std::string name_;
  const TimePoint started_;
  const bool beside_;

  std::stop_source stop_;
  std::atomic<std::size_t> tries_ = 0;
  LoadSteps steps_;  // the loader thread's
};

}  // namespace weir
