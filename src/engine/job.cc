#include "engine/job.h"

#include <new>
#include <utility>

#include "base/mutex.h"

namespace weir {
namespace {

// Memory of jobs that are gone. Bounded: a burst's memory goes back to the system. Thread-safe.
class UsedJobs {
 public:
  ~UsedJobs() {
    for (void* memory : free_) ::operator delete(memory);
  }

  void* Take() {
    const MutexLock lock(mu_);
    if (free_.empty()) return nullptr;
    void* const memory = free_.back();
    free_.pop_back();
    return memory;
  }

  bool Keep(void* memory) {
    const MutexLock lock(mu_);
    if (free_.capacity() == 0) free_.reserve(kMost);
    if (free_.size() == kMost) return false;
    free_.push_back(memory);
    return true;
  }

 private:
  static constexpr std::size_t kMost = 1024;
  Mutex mu_;
  std::vector<void*> free_ GUARDED_BY(mu_);
};

// Never destroyed: jobs may end while the program does.
UsedJobs& Used() {
  static UsedJobs& used = *new UsedJobs;
  return used;
}

}  // namespace

void* Job::operator new(std::size_t size) {
  void* const memory = Used().Take();
  return memory != nullptr ? memory : ::operator new(size);
}

void Job::operator delete(void* memory) {
  if (memory != nullptr && !Used().Keep(memory)) ::operator delete(memory);
}

Reply::~Reply() { Answer(Fail(Code::kInternal, "the job was dropped without an answer; this is a defect")); }

void Reply::Taken::operator()(Result<Output> result) {
  if (probe_ != nullptr) probe_->Answered(result ? nullptr : &result.error(), queued_);
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
  return {std::move(callback_), probe_, queued_};
}

std::optional<Error> Job::InVain(TimePoint now) const {
  if (request.stop.stop_requested()) return Error{Code::kCancelled, "the caller cancelled the request"};
  if (request.deadline.Expired(now)) {
    return Error{Code::kDeadlineExceeded, "the deadline passed before the model ran"};
  }
  return std::nullopt;
}

}  // namespace weir
