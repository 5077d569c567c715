// Runs jobs that take many steps: they join and leave running sets between steps.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/batch_queue.h"
#include "engine/run_strategy.h"
#include "engine/step_probe.h"
#include "engine/stepper.h"
#include "engine/worker.h"

namespace weir {

// A running set for each run that may be under way at once. A run thread comes with RunOne: it takes a set that nobody
// steps, lets those leave that are cancelled or late, lets one that waits join, makes one step, answers who has ended.
// So a newcomer waits for one step at most while there is room, and the sets fill evenly. Owned by a Deployment.
// Thread-safe.
class StepLanes final : public RunStrategy {
 public:
  StepLanes(const WorkerContext& context, const Servable& servable, std::size_t count, const StepProbe& probe);
  ~StepLanes() override;

  void SetCount(std::size_t count) override;
  TimePoint ReadyAt() const override;
  void RunOne() override;
  // Those that nobody steps now are answered here, the others by who steps them.
  void Stop() override;

 private:
  struct Running {
    JobPtr job;
    std::stop_source run;  // asked to stop once nobody waits for the job any more
    Stepper::Id id = 0;
    TimePoint joined;
  };
  struct Lane {
    std::unique_ptr<Stepper> stepper;
    std::vector<Running> running;
    std::optional<Running> next;  // taken from the line; joins when there is room
    TimePoint stepped;            // when its last step ended
    std::size_t noted = 0;        // of used(), in busy_

    bool empty() const { return running.empty() && !next; }
    std::size_t used() const { return stepper->rows() - stepper->free_rows(); }
  };

  std::unique_ptr<Lane> NewLane() const;
  std::unique_ptr<Lane> Take();
  void PutBack(std::unique_ptr<Lane> lane);
  void Note() REQUIRES(mu_);
  void Advance(Lane& lane);
  void DropVain(Lane& lane);
  void Admit(Lane& lane);
  void Step(Lane& lane);
  void AnswerEnded(Lane& lane);
  void Answer(Running running, Result<std::vector<Tensor>> result);
  void GiveUp(Lane& lane, const Error& why);

  const WorkerContext context_;
  const Servable& servable_;
  StepProbe probe_;
  std::size_t rows_of_lane_;
  std::size_t row_bytes_;
  std::stop_source stop_;
  Mutex mu_;
  std::size_t count_ GUARDED_BY(mu_);    // lanes that may be, those too that a thread has now
  std::size_t out_ GUARDED_BY(mu_) = 0;  // that a thread has now
  std::vector<std::unique_ptr<Lane>> idle_ GUARDED_BY(mu_);
  std::size_t busy_ GUARDED_BY(mu_) = 0;   // rows, as of the last steps
  std::atomic<bool> has_running_ = false;  // an idle lane has something to step; written under mu_
  std::atomic<bool> has_room_ = true;      // a lane may be taken for who waits in line; written under mu_
};

}  // namespace weir
