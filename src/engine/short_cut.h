// Runs cheap jobs where they are: on the thread of the caller.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "engine/job.h"
#include "engine/servable.h"

namespace weir {

struct WorkerContext;

// Waking a worker and being woken by its answer costs 20 to 30 us when both sleep. A run that is measured to cost less
// is done by the thread that has it, while nothing is queued. Only small jobs (16 KiB of input, and no more than those
// had) of a model whose runs were cheap 32 times; a run of 15 us or more counts against sixteen cheap ones, one of a
// millisecond starts the count again; either counts against two if the thread had lost its core. So a model whose cost
// is a matter of its input's size never runs expensively on an I/O thread; one whose cost hangs on values may, once in
// 32 times. Owned by a Deployment. Thread-safe.
class ShortCut {
 public:
  // A run of one job with so many bytes of input took this long.
  void Measured(std::uint64_t bytes, Duration run);
  bool IsCheap(std::uint64_t bytes) const;

  // Runs and answers the job on this thread; false, and nothing was done, when something is queued.
  bool Run(const WorkerContext& context, const Servable& servable, JobPtr& job);

 private:
  std::unique_ptr<Runner> TakeRunner(const Servable& servable);

  std::atomic<int> cheap_runs_ = 0;
  std::atomic<std::uint64_t> cheap_bytes_ = 0;  // largest input of a cheap run
  Mutex mu_;
  std::vector<std::unique_ptr<Runner>> idle_ GUARDED_BY(mu_);  // one for each thread that ever ran at the same time
};

}  // namespace weir
