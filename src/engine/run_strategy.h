// How a model's jobs are run.
#pragma once

#include <cstddef>

#include "engine/run_threads.h"

namespace weir {

// One batch after the other (Workers), or step by step (StepLanes). Owned by a Deployment. Thread-safe.
class RunStrategy : public RunSource {
 public:
  // So many runs at once, from now on; what runs goes on.
  virtual void SetCount(std::size_t count) = 0;
  // Ends the present runs early. Does not wait.
  virtual void Stop() = 0;
};

}  // namespace weir
