#include "engine/deployment.h"

#include <fmt/format.h>

#include <utility>

namespace weir {

Deployment::Deployment(std::string name, std::shared_ptr<const Servable> servable, const DeploymentOptions& options,
                       const Clock& clock, Metrics& metrics, NoteDeadline note_deadline)
    : name_(std::move(name)), servable_(std::move(servable)), clock_(clock), note_deadline_(std::move(note_deadline)),
      probe_(metrics, name_), admission_(options.admission, options.workers, clock, probe_.in_flight()),
      queue_(servable_->batch_limits(), clock) {
  const WorkerContext context{.queue = queue_, .admission = admission_, .probe = probe_, .clock = clock_};
  for (std::size_t i = 0; i < options.workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(context, servable_->NewRunner(), fmt::format("run-{}", name_)));
  }
}

Deployment::~Deployment() {
  Close();
  StopHard();
  workers_.clear();
}

Result<Permit> Deployment::Admit(const Demand& demand, Deadline deadline) {
  if (closed_.load(std::memory_order_acquire)) {
    return Fail(Code::kUnavailable, fmt::format("model '{}' is being unloaded", name_));
  }
  Result<Permit> permit = admission_.Acquire(demand, deadline);
  if (!permit) probe_.Refused(permit.error());
  return permit;
}

void Deployment::Offer(JobRequest request, Reply::Callback callback) {
  if (Status fits = servable_->Check(request); !fits) return callback(Forward(fits));
  if (request.method == 0) request.cost = servable_->CostOf(request.inputs);
  Result<Permit> permit = Admit({.bytes = request.cost.bytes, .work = request.cost.length}, request.deadline);
  if (!permit) return callback(Forward(permit));
  Submit(std::move(request), std::move(*permit), std::move(callback));
}

void Deployment::Submit(JobRequest request, Permit permit, Reply::Callback callback) {
  probe_.Queued();
  const Deadline deadline = request.deadline;
  auto job = std::make_unique<Job>(std::move(request), std::move(permit), std::move(callback), clock_.Now(), &probe_);
  const JobPtr refused = queue_.Push(std::move(job));
  note_deadline_(deadline);  // after the push: a sweep in between would miss the job
  if (refused) {
    refused->reply.Answer(Fail(Code::kUnavailable, fmt::format("model '{}' is being unloaded", name_)));
  }
}

bool Deployment::Drain(Deadline deadline, const std::stop_token& hurry) {
  Close();
  // First the permits, which texts hold while they are tokenized too, then the answers.
  const bool all = admission_.WaitIdle(deadline, hurry) && queue_.WaitIdle(deadline, hurry);
  if (!all) StopHard();
  return all;
}

void Deployment::StopHard() {
  queue_.Close();
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Stop();
  for (const JobPtr& job : queue_.TakeAll()) {
    job->reply.Answer(Fail(Code::kUnavailable, fmt::format("model '{}' was unloaded before this ran", name_)));
  }
}

}  // namespace weir
