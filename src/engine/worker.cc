#include "engine/worker.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "base/log.h"
#include "base/thread_name.h"

namespace weir {
namespace {

std::uint64_t TotalWork(std::span<const JobPtr> batch) {
  std::uint64_t work = 0;
  for (const JobPtr& job : batch) work += job->request.cost.length;
  return work;
}

}  // namespace

Worker::Worker(const WorkerContext& context, std::unique_ptr<Runner> runner, const std::string& thread_name)
    : context_(context), runner_(std::move(runner)),
      thread_([this, thread_name](const std::stop_token& stop) { Loop(stop, thread_name); }) {}

void Worker::Loop(const std::stop_token& stop, const std::string& thread_name) {
  SetThreadName(thread_name);
  for (;;) {
    std::stop_source run;
    std::vector<JobPtr> batch = context_.queue.Pop(stop, run);
    if (batch.empty()) return;
    try {
      Process(std::move(batch), stop, run);
    } catch (const std::exception& e) {
      log::Error("a run could not be answered: {}", e.what());  // its replies have answered kInternal
    }
  }
}

void Worker::Process(std::vector<JobPtr> batch, const std::stop_token& stop, std::stop_source run_stop) {
  const TimePoint start = context_.clock.Now();
  DropVain(batch, start);
  if (batch.empty()) return;

  // One caller's "stop" may end a run only when nobody else is in it.
  const std::stop_callback on_hard_stop(stop, [&run_stop] { run_stop.request_stop(); });
  const std::stop_token alone = batch.size() == 1 ? batch[0]->request.stop : std::stop_token();
  const std::stop_callback on_cancel(alone, [&run_stop] { run_stop.request_stop(); });

  std::vector<Result<std::vector<Tensor>>> results = RunGuarded(batch, run_stop.get_token());
  const Duration run = context_.clock.Now() - start;
  context_.probe.Ran(batch.size(), run);
  context_.admission.Measured(TotalWork(batch), run);

  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Duration queued = start - batch[i]->queued_at;
    context_.probe.Waited(queued);
    // The place is free before the caller hears, so that who sends one request after the other is not refused.
    batch[i]->permit.Release();
    if (results[i]) {
      batch[i]->reply.Answer(Output{std::move(*results[i]), {.queued = queued, .run = run}});
    } else if (stop.stop_requested() && results[i].error().code == Code::kCancelled) {
      batch[i]->reply.Answer(Fail(Code::kUnavailable, "the server stopped before the model had run"));
    } else {
      batch[i]->reply.Answer(std::unexpected(std::move(results[i].error())));
    }
  }
  context_.queue.Done(batch);
}

// Answers and removes the jobs that it would be vain to run.
void Worker::DropVain(std::vector<JobPtr>& batch, TimePoint now) {
  std::vector<JobPtr> vain;
  for (JobPtr& job : batch) {
    if (job->InVain(now)) vain.push_back(std::move(job));
  }
  if (vain.empty()) return;
  std::erase(batch, nullptr);
  for (const JobPtr& job : vain) {
    job->permit.Release();
    job->reply.Answer(std::unexpected(*job->InVain(now)));
  }
  context_.queue.Done(vain);
}

std::vector<Result<std::vector<Tensor>>> Worker::RunGuarded(std::span<const JobPtr> batch,
                                                            const std::stop_token& stop) {
  std::string why;
  try {
    std::vector<Result<std::vector<Tensor>>> results = runner_->Run(batch, stop);
    if (results.size() == batch.size()) return results;
    why = fmt::format("the model gave {} results for {} jobs", results.size(), batch.size());
  } catch (const std::exception& e) {
    why = e.what();
  }
  log::Error("a run failed: {}", why);
  std::vector<Result<std::vector<Tensor>>> failed;
  for (std::size_t i = 0; i < batch.size(); ++i) failed.emplace_back(Fail(Code::kInternal, why));
  return failed;
}

}  // namespace weir
