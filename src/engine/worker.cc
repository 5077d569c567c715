#include "engine/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"

namespace weir {
namespace {

using Results = std::vector<Result<std::vector<Tensor>>>;

Results RunGuarded(Runner& runner, std::span<const JobPtr> jobs, const std::stop_token& stop) {
  std::string why;
  try {
    Results results = runner.Run(jobs, stop);
    if (results.size() == jobs.size()) return results;
    why = fmt::format("the model gave {} results for {} jobs", results.size(), jobs.size());
  } catch (const std::exception& e) {
    why = e.what();
  }
  log::Error("a run failed: {}", why);
  Results failed;
  for (std::size_t i = 0; i < jobs.size(); ++i) failed.emplace_back(Fail(Code::kInternal, why));
  return failed;
}

// A run that hardly used this thread's processor was done elsewhere, by a device: its time is that on the clock.
constexpr int kElsewhere = 10;

// What the run cost, for those who predict: `run` on the clock, `work_time` of the processor.
void Account(const WorkerContext& context, std::span<const JobPtr> jobs, Duration run, Duration work_time) {
  std::uint64_t admitted = 0;
  std::uint64_t work = 0;
  std::uint32_t longest = 1;
  for (const JobPtr& job : jobs) {
    admitted += job->permit.work();
    work += job->request.cost.length;
    longest = std::max(longest, job->request.cost.length);
  }
  context.admission.Measured(admitted, run);
  if (jobs.size() == 1) context.short_cut.Measured(jobs[0]->request.cost.bytes, run);
  if (jobs[0]->request.cost.group != 0) {
    context.costs.Observe(jobs.size(), longest, Seconds(work_time < run / kElsewhere ? run : work_time));
  }
  context.probe.Ran(jobs.size(), work, longest, run, context.costs.error());
}

}  // namespace

void RunAndAnswer(const WorkerContext& context, Runner& runner, std::span<const JobPtr> jobs, std::stop_source run,
                  const std::stop_token& stop) {
  const bool costs_matter = jobs[0]->request.cost.group != 0;
  const TimePoint start = context.clock.Now();
  const Duration work_start = costs_matter ? ThreadTime() : Duration();
  Results results;
  {
    const std::stop_callback on_hard_stop(stop, [&run] { run.request_stop(); });
    // One caller's "stop" may end a run only when nobody else is in it.
    const std::stop_token alone = jobs.size() == 1 ? jobs[0]->request.stop : std::stop_token();
    const std::stop_callback on_cancel(alone, [&run] { run.request_stop(); });
    results = RunGuarded(runner, jobs, run.get_token());
  }
  const Duration work_time = costs_matter ? ThreadTime() - work_start : Duration();
  const TimePoint end = context.clock.Now();
  // A run that was cut short or failed says nothing about the cost.
  const bool whole =
      !run.stop_requested() && std::ranges::all_of(results, [](const auto& one) { return one.has_value(); });
  if (whole) Account(context, jobs, end - start, work_time);
  thread_local std::vector<TimePoint> queued;
  queued.clear();
  for (const JobPtr& job : jobs) queued.push_back(job->queued_at);
  context.probe.Started(queued, start, end, runner.graph_time());

  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Job& job = *jobs[i];
    // The place is free before the caller hears, so that who sends one request after the other is not refused.
    job.permit.ReleaseEnded();
    if (results[i]) {
      job.reply.Answer(Output{std::move(*results[i]), {.queued = job.queued_at, .started = start, .ended = end}});
    } else if (stop.stop_requested() && results[i].error().code == Code::kCancelled) {
      job.reply.Answer(
          Fail(Code::kUnavailable, "the model was unloaded, or the server stopped, before this run had ended"));
    } else {
      job.reply.Answer(std::unexpected(std::move(results[i].error())));
    }
  }
}

Workers::Workers(const WorkerContext& context, const Servable& servable, std::size_t count)
    : context_(context), servable_(servable), count_(count) {
  for (std::size_t i = 0; i < count; ++i) idle_.push_back(std::make_unique<Worker>(servable.NewRunner(), Batch()));
}

void Workers::SetCount(std::size_t count) {
  const MutexLock lock(mu_);
  count_ = count;
  if (idle_.size() > count) idle_.resize(count);
}

std::unique_ptr<Workers::Worker> Workers::Take() {
  {
    const MutexLock lock(mu_);
    if (!idle_.empty()) {
      std::unique_ptr<Worker> worker = std::move(idle_.back());
      idle_.pop_back();
      return worker;
    }
  }
  return std::make_unique<Worker>(servable_.NewRunner(), Batch());  // there are more of them than at the start
}

void Workers::PutBack(std::unique_ptr<Worker> worker) {
  const MutexLock lock(mu_);
  if (idle_.size() < count_) idle_.push_back(std::move(worker));
}

void Workers::RunOne() {
  std::unique_ptr<Worker> worker = Take();
  context_.queue.Take(worker->batch);
  if (!worker->batch.jobs.empty()) Run(*worker);
  PutBack(std::move(worker));
}

void Workers::Run(Worker& worker) {
  Batch& batch = worker.batch;
  try {
    DropVain(batch, context_.clock.Now());
    if (!batch.jobs.empty()) RunAndAnswer(context_, *worker.runner, batch.jobs, batch.run, stop_.get_token());
  } catch (const std::exception& e) {
    log::Error("a run could not be answered: {}", e.what());  // its replies answer kInternal
  }
  context_.queue.Done(batch.jobs);
  batch.jobs.clear();
}

// Answers and removes the jobs that it would be vain to run.
void Workers::DropVain(Batch& batch, TimePoint now) {
  std::vector<JobPtr> vain;
  for (JobPtr& job : batch.jobs) {
    if (job->InVain(now)) vain.push_back(std::move(job));
  }
  if (vain.empty()) return;
  std::erase(batch.jobs, nullptr);
  context_.queue.Done(vain);
  for (const JobPtr& job : vain) {
    Error why = *job->InVain(now);
    if (why.code == Code::kDeadlineExceeded) job->permit.ReleaseEnded();
    job->permit.Release();
    job->reply.Answer(std::unexpected(std::move(why)));
  }
}

}  // namespace weir
