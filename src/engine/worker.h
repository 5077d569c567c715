// The loop that runs a model.
#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "engine/admission.h"
#include "engine/batch_queue.h"
#include "engine/cost_model.h"
#include "engine/probe.h"
#include "engine/run_slots.h"
#include "engine/servable.h"
#include "engine/short_cut.h"

namespace weir {

// What a worker works with; all of it owned by the Deployment and outliving the worker.
struct WorkerContext {
  BatchQueue& queue;
  Admission& admission;
  RunSlots::Share& share;
  CostModel& costs;
  ShortCut& short_cut;
  ModelProbe& probe;
  const Clock& clock;
};

// Runs these jobs and answers each, with `runner` and on this thread. `stop` is a hard stop. Every door to a Runner
// leads through here.
void RunAndAnswer(const WorkerContext& context, Runner& runner, std::span<const JobPtr> jobs, std::stop_source run,
                  const std::stop_token& stop);

// One thread and one Runner: waits for work and for a slot, takes a batch, drops what expired or was cancelled, runs
// the rest, answers. Owned by a Deployment. Destruction stops the run that is under way (kCancelled) and joins.
class Worker {
 public:
  Worker(const WorkerContext& context, std::unique_ptr<Runner> runner, const std::string& thread_name);

  // Ends the present run early and takes no more work. Does not wait. Thread-safe.
  void Stop() { thread_.request_stop(); }

 private:
  void Loop(const std::stop_token& stop, const std::string& thread_name);
  TimePoint RunWhileThereIsWork(const std::stop_token& stop);
  void RunOne(const std::stop_token& stop);
  void DropVain(TimePoint now);

  // Constant after construction.
  const WorkerContext context_;
  const std::unique_ptr<Runner> runner_;
  Batch batch_;  // the worker's thread alone

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace weir
