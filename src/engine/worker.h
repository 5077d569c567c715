// A model's workers: what runs its batches and answers.
#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/admission.h"
#include "engine/batch_queue.h"
#include "engine/cost_model.h"
#include "engine/probe.h"
#include "engine/run_strategy.h"
#include "engine/servable.h"
#include "engine/short_cut.h"

namespace weir {

// What a worker works with; all of it owned by the Deployment and outliving the worker.
struct WorkerContext {
  BatchQueue& queue;
  Admission& admission;
  CostModel& costs;
  ShortCut& short_cut;
  ModelProbe& probe;
  const Clock& clock;
};

// Runs these jobs and answers each, with `runner` and on this thread. `stop` is a hard stop. Every door to a Runner
// leads through here.
void RunAndAnswer(const WorkerContext& context, Runner& runner, std::span<const JobPtr> jobs, std::stop_source run,
                  const std::stop_token& stop);

// A Runner for each run that is under way at once, made when it is first needed. A run thread comes with RunOne: it
// takes a worker and a batch, drops what expired or was cancelled, runs the rest, answers. Owned by a Deployment.
// Thread-safe.
class Workers final : public RunStrategy {
 public:
  Workers(const WorkerContext& context, const Servable& servable, std::size_t count);

  // Keeps no more than so many for later; those that are running stay until they have run.
  void SetCount(std::size_t count) override;

  TimePoint ReadyAt() const override { return context_.queue.ReadyAt(); }
  void RunOne() override;

  // Ends the present runs early. Does not wait.
  void Stop() override { stop_.request_stop(); }

 private:
  struct Worker {
    std::unique_ptr<Runner> runner;
    Batch batch;
  };

  std::unique_ptr<Worker> Take();
  void PutBack(std::unique_ptr<Worker> worker);
  void Run(Worker& worker);
  void DropVain(Batch& batch, TimePoint now);

  const WorkerContext context_;
  const Servable& servable_;
  std::stop_source stop_;
  Mutex mu_;
  std::size_t count_ GUARDED_BY(mu_);                          // most that are kept
  std::vector<std::unique_ptr<Worker>> idle_ GUARDED_BY(mu_);  // the last one ran last: its memory is in the caches
};

}  // namespace weir
