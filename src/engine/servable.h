// What the engine serves: a model together with the way to run jobs on it.
#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/job.h"
#include "engine/load_plan.h"
#include "engine/stepper.h"
#include "model/model.h"

namespace weir {

// Runs batches. Made by a Servable, owned by a Deployment's Workers; one thread at a time.
class Runner {
 public:
  virtual ~Runner() = default;

  // Blocks while the model runs. Returns one result per job, in order; a bad job fails alone. A stop
  // request ends the run early with kCancelled.
  virtual std::vector<Result<std::vector<Tensor>>> Run(std::span<const JobPtr> batch, const std::stop_token& stop) = 0;
  // Of the last run.
  const GraphTime& graph_time() const { return graph_time_; }

 protected:
  GraphTime graph_time_;
};

// Immutable and shared: the Deployment holds it, and so may who waits for an answer.
class Servable {
 public:
  virtual ~Servable() = default;
  virtual const Manifest& manifest() const = 0;
  // What it can be asked for, as lists of models show it: "tensor", "embedding", "classification".
  virtual std::string_view task() const = 0;
  // Most jobs that one run may take; 1: they are never batched.
  virtual std::size_t max_batch() const = 0;
  // Whether a job may be run at all; asked before anything is done for it. By default: tensors that fit the
  // manifest.
  virtual Status Check(const JobRequest& request) const;
  // What a job of tensors (method 0) weighs.
  virtual JobCost CostOf(std::span<const Tensor> inputs) const;
  // What runs its jobs: a batch at once, or step by step. One of the two is null, always the same.
  virtual std::unique_ptr<Runner> NewRunner() const = 0;
  virtual std::unique_ptr<Stepper> NewStepper() const { return nullptr; }
  virtual bool steps() const { return false; }
  // Of these, so many at once at most.
  virtual std::size_t max_steppers() const { return std::numeric_limits<std::size_t>::max(); }
  // A made-up job of this length, to measure with; nullopt when its runs are not worth measuring.
  virtual std::optional<JobRequest> Sample(std::uint32_t length) const;
  // One run, to prove that the model works before anybody sees it. Blocks.
  virtual Status WarmUp() const = 0;
};

// Finds and builds servables by name, or by name and version (engine/model_version.h). Implemented above the engine
// (app/model_folder.h). Thread-safe.
class ServableLoader {
 public:
  virtual ~ServableLoader() = default;
  // Checks what can be checked without building anything: which files there are. Blocks on the disk.
  virtual Result<LoadPlan> Plan(const std::string& reference);
  // Where it is to run: "cpu", "cuda:0". An error says that what was asked for is not there.
  virtual Result<std::string> ChooseDevice(const std::string& reference);
  // Blocks while files are read. An error says which file and what is wrong with it.
  virtual Result<std::shared_ptr<const Servable>> Load(const std::string& reference) = 0;
  // The same for a device that ChooseDevice has given.
  virtual Result<std::shared_ptr<const Servable>> LoadOn(const std::string& reference, const std::string& device);
};

}  // namespace weir
