// What runs jobs that take many steps each, together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/job.h"
#include "model/tensor.h"

namespace weir {

// A running set: jobs join it and leave it between steps, and none changes what another gives. Made by a Servable,
// owned by a StepLanes; one thread at a time.
class Stepper {
 public:
  using Id = std::uint64_t;

  virtual ~Stepper() = default;

  // Rows that are not in use, of those that it has; a job takes as many as RowsOf says, at most all of them.
  virtual std::size_t rows() const = 0;
  virtual std::size_t free_rows() const = 0;
  virtual std::size_t RowsOf(const JobRequest& request) const = 0;
  // What has been done since the last call, in the unit of JobCost::length.
  virtual std::uint64_t TakeWork() = 0;
  // Bytes that a row in use keeps.
  virtual std::size_t row_bytes() const { return 0; }

  // Reads the job's input. Blocks for that long. An error is this job's alone, which has not joined then.
  virtual Result<Id> Join(const JobRequest& request, const std::stop_token& stop) = 0;
  // One step of all that have joined. After an error nobody is in the set any more.
  virtual Status Step(const std::stop_token& stop) = 0;
  // Before its end.
  virtual void Leave(Id id) = 0;
  // Those that have ended since the last call, which have left.
  virtual std::vector<std::pair<Id, Result<std::vector<Tensor>>>> TakeEnded(const std::stop_token& stop) = 0;
};

}  // namespace weir
