#include "engine/short_cut.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/preempted.h"
#include "engine/worker.h"

namespace weir {
namespace {

constexpr std::uint64_t kMostBytes = 16384;
constexpr Duration kCheap = std::chrono::microseconds(15);
constexpr Duration kFar = std::chrono::milliseconds(1);
constexpr int kTrusted = 32;
constexpr int kMostTrust = 64;
constexpr int kPenalty = 16;
constexpr int kDoubt = 2;

}  // namespace

void ShortCut::Measured(std::uint64_t bytes, Duration run) {
  if (bytes > kMostBytes) return;
  const int was = cheap_runs_.load(std::memory_order_relaxed);
  if (run < kCheap && bytes > cheap_bytes_.load(std::memory_order_relaxed)) {
    cheap_bytes_.store(bytes, std::memory_order_relaxed);
  }
  if (run < kCheap && was == kMostTrust) return;  // the usual case writes nothing
  if (run < kCheap) {
    cheap_runs_.store(was + 1, std::memory_order_relaxed);
    return;
  }
  // On a machine that is full, a run of 3 us may have taken 4 ms for which another program had its core. (With such
  // runs counted in full, a fifth of the jobs over gRPC went to the run threads, at 4 us of processor time each.)
  const int penalty = WasPreempted() ? kDoubt : run < kFar ? kPenalty : was;
  cheap_runs_.store(std::max(was - penalty, 0), std::memory_order_relaxed);
}

bool ShortCut::IsCheap(std::uint64_t bytes) const {
  return bytes <= cheap_bytes_.load(std::memory_order_relaxed) &&
         cheap_runs_.load(std::memory_order_relaxed) >= kTrusted;
}

std::unique_ptr<Runner> ShortCut::TakeRunner(const Servable& servable) {
  {
    const MutexLock lock(mu_);
    if (!idle_.empty()) {
      std::unique_ptr<Runner> runner = std::move(idle_.back());
      idle_.pop_back();
      return runner;
    }
  }
  return servable.NewRunner();
}

bool ShortCut::Run(const WorkerContext& context, const Servable& servable, JobPtr& job) {
  const std::stop_source run;
  std::unique_ptr<Runner> runner = TakeRunner(servable);
  if (!context.queue.TakePast(*job, run)) {
    const MutexLock lock(mu_);
    idle_.push_back(std::move(runner));
    return false;
  }
  struct Done {  // whatever a callback throws
    BatchQueue& queue;
    JobPtr& job;
    ~Done() { queue.Done(std::span(&job, 1)); }
  };
  {
    const Done done{context.queue, job};
    RunAndAnswer(context, *runner, std::span(&job, 1), run, {});
  }
  const MutexLock lock(mu_);
  idle_.push_back(std::move(runner));
  return true;
}

}  // namespace weir
