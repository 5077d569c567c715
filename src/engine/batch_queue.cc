#include "engine/batch_queue.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace weir {
namespace {

// How far from the front the policy looks for company: bounds the time that it holds the lock (about 20 us).
constexpr std::size_t kView = 1024;
constexpr double kGapWeight = 0.1;  // of the newest arrival in the mean gap

}  // namespace

JobPtr BatchQueue::Push(JobPtr job) {
  const MutexLock lock(mu_);
  if (closed_) return job;
  NoteArrival(job->queued_at);
  jobs_.Insert(std::move(job));
  NoteReady();
  return nullptr;
}

void BatchQueue::NoteArrival(TimePoint now) {
  if (last_arrival_ != TimePoint()) {
    const double gap = Seconds(now - last_arrival_);
    arrival_gap_ = arrival_gap_ == 0 ? gap : arrival_gap_ + kGapWeight * (gap - arrival_gap_);
  }
  last_arrival_ = now;
}

void BatchQueue::NoteReady(TimePoint wait_until) {
  ready_at_.store((jobs_.empty() ? TimePoint::max() : wait_until).time_since_epoch().count());
}

void BatchQueue::Decide() {
  TurnQueue& line = jobs_.Next();
  const bool alone = line[0].request.cost.group == 0 || limits_.mode == BatchMode::kNever;
  const std::size_t most = alone ? 1 : limits_.mode == BatchMode::kCost ? kView : limits_.max_jobs;
  view_.clear();
  for (std::size_t i = 0; i < line.size() && i < most; ++i) {
    const Job& job = line[i];
    view_.push_back({.length = job.request.cost.length,
                     .overtaken = job.overtaken,
                     .group = job.request.cost.group,
                     .queued_at = job.queued_at,
                     .deadline = job.request.deadline.at()});
  }
  QueueView view{.jobs = view_, .running = running_.size(), .workers = lanes_, .closed = closed_};
  if (arrival_gap_ > 0) {
    view.arrival_gap = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(arrival_gap_));
  }
  DecideBatch(limits_, costs_, view, clock_.Now(), decision_);
}

void BatchQueue::Take(Batch& batch) {
  batch.jobs.clear();
  const MutexLock lock(mu_);
  if (jobs_.empty()) return;
  Decide();
  if (decision_.chosen.empty()) return NoteReady(decision_.wait_until);
  jobs_.Take(decision_.chosen, batch.jobs);
  NoteReady();
  batch.run = std::stop_source();
  for (const JobPtr& job : batch.jobs) running_.push_back({job.get(), batch.run});
}

bool BatchQueue::TakePast(Job& job, const std::stop_source& run) {
  const MutexLock lock(mu_);
  if (closed_ || !jobs_.empty()) return false;
  running_.push_back({&job, run});
  return true;
}

void BatchQueue::Done(std::span<const JobPtr> jobs) {
  const MutexLock lock(mu_);
  for (const JobPtr& job : jobs) job->done = true;
  std::erase_if(running_, [](const Running& running) { return running.job->done; });
  if (Idle()) idle_.NotifyAll();
}

bool BatchQueue::WaitIdle(Deadline deadline, const std::stop_token& hurry) {
  const MutexLock lock(mu_);
  return idle_.WaitUntil(mu_, hurry, deadline.at(), [this]() REQUIRES(mu_) { return Idle(); });
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

TimePoint BatchQueue::CollectLate(TimePoint now, std::vector<Late>& late) {
  TimePoint next = TimePoint::max();
  const auto in_vain = [&](const Job& job) {
    std::optional<Error> error = job.InVain(now);
    if (!error) next = std::min(next, job.request.deadline.at());
    return error;
  };
  for (Running& running : running_) {
    auto error = in_vain(*running.job);
    if (!error) continue;
    if (error->code == Code::kDeadlineExceeded) error->message = "the deadline passed while the model ran";
    late.push_back({nullptr, running.job->reply.Take(), std::move(*error)});
    running.in_vain = true;
  }
  std::vector<JobPtr> queued;
  jobs_.TakeIf([&](const Job& job) { return in_vain(job).has_value(); }, queued);
  for (JobPtr& job : queued) {
    Reply::Taken reply = job->reply.Take();
    Error error = *job->InVain(now);
    late.push_back({std::move(job), std::move(reply), std::move(error)});
  }
  return next;
}

TimePoint BatchQueue::Expire(TimePoint now) {
  std::vector<Late> late;
  std::vector<std::stop_source> ended;
  TimePoint next;
  {
    const MutexLock lock(mu_);
    next = CollectLate(now, late);
    ended = RunsInVain();
    if (jobs_.empty()) NoteReady();
    if (Idle()) idle_.NotifyAll();
  }
  for (std::stop_source& run : ended) run.request_stop();
  for (Late& one : late) {
    // A queued job's place is free before its caller hears; a running one keeps its place.
    if (one.job && one.error.code == Code::kDeadlineExceeded) one.job->permit.ReleaseEnded();
    if (one.job) one.job->permit.Release();
    try {
      if (one.reply) one.reply(std::unexpected(std::move(one.error)));
    } catch (const std::exception& e) {  // a caller's mistake is not its neighbours'
      log::Error("a late job could not be answered: {}", e.what());
    }
  }
  return next;
}

void BatchQueue::Close() {
  const MutexLock lock(mu_);
  closed_ = true;
  NoteReady();
}

std::vector<JobPtr> BatchQueue::TakeAll() {
  std::vector<JobPtr> rest;
  const MutexLock lock(mu_);
  jobs_.TakeIf([](const Job&) { return true; }, rest);
  NoteReady();
  return rest;
}

QueueCounts BatchQueue::counts() const {
  const MutexLock lock(mu_);
  return {.queued = jobs_.size(), .running = running_.size()};
}

}  // namespace weir
