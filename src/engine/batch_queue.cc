#include "engine/batch_queue.h"

#include <algorithm>
#include <utility>

namespace weir {

JobPtr BatchQueue::Push(JobPtr job) {
  {
    const MutexLock lock(mu_);
    if (closed_) return job;
    jobs_.push_back(std::move(job));
  }
  changed_.NotifyOne();
  return nullptr;
}

BatchDecision BatchQueue::Decide() {
  costs_.clear();
  for (std::size_t i = 0; i < jobs_.size() && i < limits_.max_jobs; ++i) {
    costs_.push_back(jobs_[i]->request.cost);
    if (costs_[0].group == 0) break;  // it runs alone: no need to look further
  }
  const QueueView view{.costs = costs_, .oldest = jobs_.front()->queued_at, .closed = closed_};
  return DecideBatch(limits_, view, clock_.Now());
}

std::vector<JobPtr> BatchQueue::TakeFront(std::size_t count, const std::stop_source& run) {
  std::vector<JobPtr> batch;
  batch.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    running_.push_back({jobs_.front().get(), run});
    batch.push_back(std::move(jobs_.front()));
    jobs_.pop_front();
  }
  return batch;
}

std::vector<JobPtr> BatchQueue::Pop(const std::stop_token& stop, const std::stop_source& run) {
  const MutexLock lock(mu_);
  const auto something = [this]() REQUIRES(mu_) { return closed_ || !jobs_.empty(); };
  for (;;) {
    if (!changed_.Wait(mu_, stop, something) || jobs_.empty()) return {};
    const BatchDecision decision = Decide();
    if (decision.count > 0) return TakeFront(decision.count, run);
    const std::size_t seen = jobs_.size();
    changed_.WaitUntil(mu_, stop, decision.wait_until,
                       [this, seen]() REQUIRES(mu_) { return closed_ || jobs_.size() != seen; });
    if (stop.stop_requested()) return {};
  }
}

void BatchQueue::Done(const std::vector<JobPtr>& batch) {
  const MutexLock lock(mu_);
  std::erase_if(running_, [&](const Running& running) {
    return std::ranges::any_of(batch, [&](const JobPtr& job) { return job.get() == running.job; });
  });
  if (running_.empty() && jobs_.empty()) idle_.NotifyAll();
}

bool BatchQueue::WaitIdle(Deadline deadline, const std::stop_token& hurry) {
  const MutexLock lock(mu_);
  return idle_.WaitUntil(mu_, hurry, deadline.at(),
                         [this]() REQUIRES(mu_) { return running_.empty() && jobs_.empty(); });
}

std::vector<std::stop_source> BatchQueue::RunsInVain() const {
  std::vector<std::stop_source> runs;
  for (const Running& one : running_) {
    const bool vain =
        std::ranges::all_of(running_, [&](const Running& other) { return other.run != one.run || other.in_vain; });
    if (vain) runs.push_back(one.run);
  }
  return runs;
}

TimePoint BatchQueue::Expire(TimePoint now) {
  struct Answer {
    JobPtr job;  // null when it is still running
    Reply::Taken reply;
    Error error;
  };
  std::vector<Answer> answers;
  std::vector<std::stop_source> ended;
  TimePoint next = TimePoint::max();
  {
    const MutexLock lock(mu_);
    const auto look = [&](Job& job) {
      std::optional<Error> error = job.InVain(now);
      if (!error) next = std::min(next, job.request.deadline.at());
      return error;
    };
    for (Running& running : running_) {
      auto error = look(*running.job);
      if (!error) continue;
      if (error->code == Code::kDeadlineExceeded) error->message = "the deadline passed while the model ran";
      answers.push_back({nullptr, running.job->reply.Take(), std::move(*error)});
      running.in_vain = true;
    }
    ended = RunsInVain();
    for (JobPtr& job : jobs_) {
      if (auto error = look(*job)) {
        Reply::Taken reply = job->reply.Take();
        answers.push_back({std::move(job), std::move(reply), std::move(*error)});
      }
    }
    std::erase(jobs_, nullptr);
    if (running_.empty() && jobs_.empty()) idle_.NotifyAll();
  }
  for (std::stop_source& run : ended) run.request_stop();
  for (Answer& answer : answers) {
    // A queued job's place is free before its caller hears; a running one keeps its place.
    if (answer.job) answer.job->permit.Release();
    if (answer.reply) answer.reply(std::unexpected(std::move(answer.error)));
  }
  return next;
}

void BatchQueue::Close() {
  {
    const MutexLock lock(mu_);
    closed_ = true;
  }
  changed_.NotifyAll();
}

std::vector<JobPtr> BatchQueue::TakeAll() {
  std::vector<JobPtr> rest;
  const MutexLock lock(mu_);
  while (!jobs_.empty()) {
    rest.push_back(std::move(jobs_.front()));
    jobs_.pop_front();
  }
  return rest;
}

std::size_t BatchQueue::size() const {
  const MutexLock lock(mu_);
  return jobs_.size();
}

}  // namespace weir
