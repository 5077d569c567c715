// One load of a model, from being asked for to its end.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "engine/memory_budget.h"
#include "engine/servable.h"

namespace weir {

struct LoadLimits {
  std::size_t tries = 3;                         // after errors that may pass
  Duration pause = std::chrono::seconds(1);      // before the second try; twice as long before each further one
  Duration timeout = std::chrono::seconds(300);  // from its beginning; then it is given up
  // After a failure requests hear of it for so long; the first one after that tries again.
  Duration back_off = std::chrono::seconds(30);
  // What cannot be loaded on its device is loaded on the CPU; for a version that cannot be loaded at all the one before
  // stands in (Registry).
  bool fallback = true;
};

// What may be changed at run time; for the loads that begin after that. Value type.
struct LoadChanges {
  std::optional<std::size_t> tries;
  std::optional<Duration> pause;
  std::optional<Duration> timeout;
  std::optional<bool> fallback;
};
void Apply(const LoadChanges& changes, LoadLimits& limits);

// How long the steps of a load took, in their order.
struct LoadSteps {
  Duration plan{};     // which files there are
  Duration device{};   // where it is to run
  Duration memory{};   // until there was room for it
  Duration build{};    // files read, session made; over all tries
  Duration prove{};    // the first run
  Duration publish{};  // until requests could see it
};

// Whether a load that failed with this may go well the next time: memory, or a device that could not be read. What is
// wrong in the files stays wrong.
bool MayPass(const Error& error);

// What a load has made.
struct LoadedModel {
  std::shared_ptr<const Servable> servable;
  MemoryBudget::SharePtr memory;  // kept as long as that is
  std::string device;
  std::string fallback = {};  // why it is not the device that was meant; empty when it is
};

// What a load needs of others.
struct LoadMeans {
  ServableLoader& loader;
  MemoryBudget& memory;
  // Waits for room; an error is final. Null: it needs none that is counted.
  std::function<Result<MemoryBudget::SharePtr>(const LoadPlan&)> make_room;
  const Clock& clock;
};

// Shared by the registry and the loader thread that runs it. Whoever gives it up takes it out of the registry; what it
// makes after that is dropped. Thread-safe.
class ModelLoad {
 public:
  ModelLoad(std::string name, TimePoint started, bool beside, const LoadLimits& limits)
      : name_(std::move(name)), started_(started), beside_(beside), limits_(limits) {}

  const std::string& name() const { return name_; }
  TimePoint started() const { return started_; }
  const LoadLimits& limits() const { return limits_; }
  // When it is given up. Guarded, with the three below, by the registry's lock.
  Deadline end() const { return begun_at ? Deadline(*begun_at + limits_.timeout) : Deadline::Never(); }
  // Whether another version of the model serves meanwhile.
  bool beside() const { return beside_; }
  std::size_t tries() const { return tries_.load(std::memory_order_relaxed); }

  // Ends it at the next step; does not wait.
  void GiveUp() { stop_.request_stop(); }
  std::stop_token stop() const { return stop_.get_token(); }
  std::optional<TimePoint> begun_at;        // on a loader thread; before that it waits for one
  bool left_behind = false;                 // given up since, and its thread has been replaced
  std::weak_ptr<MemoryBudget::Share> room;  // that it has been given

  // Builds the model and proves it with one run; again, as far as the limits say, after an error that may pass; on the
  // CPU when its device will not do. Blocks. Called once, by a loader thread.
  Result<LoadedModel> Run(const LoadMeans& means);
  // Valid after Run, for the thread that called it.
  const LoadSteps& steps() const { return steps_; }
  TimePoint built_at() const { return built_at_; }

 private:
  Result<LoadedModel> RunTries(const LoadMeans& means);
  // One try; `final` when another cannot help.
  Result<LoadedModel> Try(const LoadMeans& means, bool& final);
  Result<LoadedModel> TryOrThrow(const LoadMeans& means, bool& final);
  Status ChooseDevice(const LoadMeans& means);

  // Constant after construction.
  const std::string name_;
  const TimePoint started_;
  const bool beside_;
  const LoadLimits limits_;

  std::stop_source stop_;
  std::atomic<std::size_t> tries_ = 0;
  // The loader thread's.
  std::optional<std::string> device_;  // chosen once the first plan is there
  bool tried_device_ = false;          // to build on it
  std::string not_there_;              // why the model is not on the device that was meant; empty when it is
  LoadSteps steps_;
  TimePoint built_at_;
};

}  // namespace weir
