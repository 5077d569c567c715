#include "engine/step_lanes.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"

namespace weir {
namespace {

Error Stopped() { return {Code::kUnavailable, "the model was unloaded, or the server stopped, before this had ended"}; }

}  // namespace

StepLanes::StepLanes(const WorkerContext& context, const Servable& servable, std::size_t count, const StepProbe& probe)
    : context_(context), servable_(servable), probe_(probe), count_(count) {
  idle_.push_back(NewLane());
  rows_of_lane_ = idle_.front()->stepper->rows();
  row_bytes_ = idle_.front()->stepper->row_bytes();
  Note();
}

std::unique_ptr<StepLanes::Lane> StepLanes::NewLane() const {
  auto lane = std::make_unique<Lane>();
  lane->stepper = servable_.NewStepper();
  return lane;
}

// Nobody is in RunOne any more.
StepLanes::~StepLanes() { Stop(); }

void StepLanes::SetCount(std::size_t count) {
  const MutexLock lock(mu_);
  count_ = count;
  Note();
}

TimePoint StepLanes::ReadyAt() const {
  if (has_running_.load()) return TimePoint::min();
  return has_room_.load() ? context_.queue.ReadyAt() : TimePoint::max();
}

void StepLanes::Note() {
  has_running_.store(std::ranges::any_of(idle_, [](const auto& lane) { return !lane->empty(); }));
  has_room_.store(!idle_.empty() || out_ < count_);
  probe_.Rows(busy_, count_ * rows_of_lane_, row_bytes_);
}

// While somebody waits in line the emptiest lane, a new one if there may be another; else the one that was stepped
// first.
std::unique_ptr<StepLanes::Lane> StepLanes::Take() {
  const bool somebody_waits = context_.queue.ReadyAt() <= context_.clock.Now();
  {
    const MutexLock lock(mu_);
    const auto better = [&](const auto& one, const auto& other) {
      if (one->empty() != other->empty()) return one->empty() == somebody_waits;
      return somebody_waits && one->used() != other->used() ? one->used() < other->used()
                                                            : one->stepped < other->stepped;
    };
    const auto best = std::ranges::min_element(idle_, better);
    const bool may_add = idle_.size() + out_ < count_ && somebody_waits;
    if (best != idle_.end() && !(may_add && !(*best)->empty())) {
      std::unique_ptr<Lane> lane = std::move(*best);
      idle_.erase(best);
      ++out_;
      Note();
      return lane;
    }
    if (!may_add) return nullptr;
    ++out_;
    Note();
  }
  return NewLane();
}

void StepLanes::PutBack(std::unique_ptr<Lane> lane) {
  const MutexLock lock(mu_);
  --out_;
  busy_ = busy_ + lane->used() - lane->noted;
  lane->noted = lane->used();
  // There may be fewer than there were; one that has something goes on until it has ended.
  if (!lane->empty() || idle_.size() + out_ < count_) idle_.push_back(std::move(lane));
  Note();
}

void StepLanes::RunOne() {
  std::unique_ptr<Lane> lane;
  try {
    lane = Take();
    if (lane) Advance(*lane);
  } catch (const std::exception& e) {
    log::Error("a step failed: {}", e.what());
    if (lane) {
      GiveUp(*lane, {Code::kInternal, e.what()});
      lane->stepper = servable_.NewStepper();
    }
  }
  if (lane) PutBack(std::move(lane));
}

void StepLanes::Advance(Lane& lane) {
  if (stop_.stop_requested()) return GiveUp(lane, Stopped());
  DropVain(lane);
  Admit(lane);
  if (!lane.running.empty()) Step(lane);
  if (stop_.stop_requested()) GiveUp(lane, Stopped());
  lane.stepped = context_.clock.Now();
}

void StepLanes::DropVain(Lane& lane) {
  const TimePoint now = context_.clock.Now();
  const auto in_vain = [&](const Running& running) {
    return running.run.stop_requested() || running.job->InVain(now).has_value();
  };
  const auto drop = [&](Running running) {
    const std::optional<Error> why = running.job->InVain(now);
    Answer(std::move(running), std::unexpected(why ? *why : Error{Code::kCancelled, "nobody waits for it any more"}));
  };
  if (lane.next && in_vain(*lane.next)) {
    drop(std::move(*lane.next));
    lane.next.reset();
  }
  for (std::size_t i = lane.running.size(); i-- > 0;) {
    if (!in_vain(lane.running[i])) continue;
    Running leaving = std::move(lane.running[i]);
    lane.running.erase(lane.running.begin() + static_cast<std::ptrdiff_t>(i));
    lane.stepper->Leave(leaving.id);
    drop(std::move(leaving));
  }
}

// One at a time: the others of the lane wait while its input is read.
void StepLanes::Admit(Lane& lane) {
  if (!lane.next && lane.stepper->free_rows() > 0) {
    Batch batch;
    context_.queue.Take(batch);
    if (batch.jobs.empty()) return;
    lane.next = Running{.job = std::move(batch.jobs.front()), .run = std::move(batch.run), .id = 0, .joined = {}};
    DropVain(lane);
  }
  if (!lane.next || lane.stepper->RowsOf(lane.next->job->request) > lane.stepper->free_rows()) return;
  Running joining = std::move(*lane.next);
  lane.next.reset();
  const TimePoint start = context_.clock.Now();
  joining.joined = start;
  // Nobody else is in this run: one caller's "stop" may end it.
  std::stop_source run = joining.run;
  const std::stop_callback on_hard_stop(stop_.get_token(), [&run] { run.request_stop(); });
  const std::stop_callback on_cancel(joining.job->request.stop, [&run] { run.request_stop(); });
  Result<Stepper::Id> id = std::unexpected(Error{});
  try {
    id = lane.stepper->Join(joining.job->request, run.get_token());
  } catch (const std::exception& e) {
    Answer(std::move(joining), std::unexpected(Error{Code::kInternal, e.what()}));
    throw;
  }
  if (!id) return Answer(std::move(joining), std::unexpected(id.error()));
  const TimePoint now = context_.clock.Now();
  context_.admission.Measured(lane.stepper->TakeWork(), now - start);
  probe_.FirstStep(now - joining.job->queued_at);
  joining.id = *id;
  lane.running.push_back(std::move(joining));
  AnswerEnded(lane);
}

void StepLanes::Step(Lane& lane) {
  const TimePoint start = context_.clock.Now();
  const std::size_t rows = lane.used();
  const Status stepped = lane.stepper->Step(stop_.get_token());
  if (!stepped) return GiveUp(lane, stop_.stop_requested() ? Stopped() : stepped.error());
  const Duration run = context_.clock.Now() - start;
  context_.admission.Measured(lane.stepper->TakeWork(), run);
  context_.probe.Ran(rows, rows, 1, run, 0);
  AnswerEnded(lane);
}

void StepLanes::AnswerEnded(Lane& lane) {
  for (auto& [id, result] : lane.stepper->TakeEnded(stop_.get_token())) {
    const auto found = std::ranges::find(lane.running, id, &Running::id);
    if (found == lane.running.end()) continue;
    Running ended = std::move(*found);
    lane.running.erase(found);
    Answer(std::move(ended), std::move(result));
  }
}

void StepLanes::Answer(Running running, Result<std::vector<Tensor>> result) {
  const TimePoint now = context_.clock.Now();
  Job& job = *running.job;
  const bool has_joined = running.joined != TimePoint();
  if (has_joined) {
    const TimePoint queued[] = {job.queued_at};
    context_.probe.Started(queued, running.joined, now, {});
  }
  const bool says_something = result.has_value() || result.error().code == Code::kDeadlineExceeded;
  if (says_something) {
    job.permit.ReleaseEnded();
  } else {
    job.permit.Release();
  }
  if (result) {
    job.reply.Answer(Output{std::move(*result), {.queued = job.queued_at, .started = running.joined, .ended = now}});
  } else {
    job.reply.Answer(std::unexpected(std::move(result.error())));
  }
  context_.queue.Done({&running.job, 1});
}

void StepLanes::GiveUp(Lane& lane, const Error& why) {
  if (lane.next) Answer(std::move(*lane.next), std::unexpected(why));
  lane.next.reset();
  for (Running& running : std::exchange(lane.running, {})) {
    lane.stepper->Leave(running.id);
    Answer(std::move(running), std::unexpected(why));
  }
}

void StepLanes::Stop() {
  stop_.request_stop();
  std::vector<std::unique_ptr<Lane>> idle;
  {
    const MutexLock lock(mu_);
    idle.swap(idle_);
    for (const auto& lane : idle) busy_ -= lane->noted;
    Note();
  }
  for (const auto& lane : idle) GiveUp(*lane, Stopped());
}

}  // namespace weir
