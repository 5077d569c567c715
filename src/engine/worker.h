// The loop that runs a model.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "engine/admission.h"
#include "engine/batch_queue.h"
#include "engine/probe.h"
#include "engine/servable.h"

namespace weir {

// What a worker works with; all of it owned by the Deployment and outliving the worker.
struct WorkerContext {
  BatchQueue& queue;
  Admission& admission;
  ModelProbe& probe;
  const Clock& clock;
};

// One thread and one Runner: pops a batch, drops what expired or was cancelled, runs the rest, answers.
// Owned by a Deployment. Destruction stops the run that is under way (kCancelled) and joins.
class Worker {
 public:
  Worker(const WorkerContext& context, std::unique_ptr<Runner> runner, const std::string& thread_name);

  // Ends the present run early and takes no more work. Does not wait. Thread-safe.
  void Stop() { thread_.request_stop(); }

 private:
  void Loop(const std::stop_token& stop, const std::string& thread_name);
  void Process(std::vector<JobPtr> batch, const std::stop_token& stop, std::stop_source run_stop);
  void DropVain(std::vector<JobPtr>& batch, TimePoint now);
  std::vector<Result<std::vector<Tensor>>> RunGuarded(std::span<const JobPtr> batch, const std::stop_token& stop);

  // Constant after construction.
  const WorkerContext context_;
  const std::unique_ptr<Runner> runner_;

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace weir
