#include "engine/job.h"

#include <utility>

namespace weir {

Reply::~Reply() { Answer(Fail(Code::kInternal, "the job was dropped without an answer; this is a defect")); }

void Reply::Taken::operator()(Result<Output> result) {
  if (probe_ != nullptr) probe_->Answered(result ? nullptr : &result.error());
  std::exchange(callback_, {})(std::move(result));
}

bool Reply::Answer(Result<Output> result) {
  Taken taken = Take();
  if (!taken) return false;
  taken(std::move(result));
  return true;
}

Reply::Taken Reply::Take() {
  if (taken_.exchange(true, std::memory_order_acq_rel)) return {};
  return {std::move(callback_), probe_};
}

std::optional<Error> Job::InVain(TimePoint now) const {
  if (request.stop.stop_requested()) return Error{Code::kCancelled, "the caller cancelled the request"};
  if (request.deadline.Expired(now)) {
    return Error{Code::kDeadlineExceeded, "the deadline passed before the model ran"};
  }
  return std::nullopt;
}

}  // namespace weir
