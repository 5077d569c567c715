#include "load/pacer.h"

#include <algorithm>

namespace weir::load {

Pacer::Pacer(const LoadOptions& options, TimePoint now, Watcher* watcher)
    : options_(options), begin_(now), start_(now + options.warmup),
      end_(options.requests > 0 ? TimePoint::max() : start_ + options.duration), watcher_(watcher), tally_(start_) {
  if (!options.open()) return;
  arrivals_.emplace(options.rate, options.seed, now);
  next_due_ = arrivals_->Next();
}

// The end of the tick that this moment lies in.
TimePoint Pacer::OnTick(TimePoint due) const {
  if (options_.tick == Duration::zero()) return due;
  const Duration since = due - begin_;
  return begin_ + (since + options_.tick - Duration(1)) / options_.tick * options_.tick;
}

bool Pacer::SendingIsOver(TimePoint due) const {
  return over_ || due >= end_ || (options_.requests > 0 && counted_ >= options_.requests);
}

Shot Pacer::Take(TimePoint due, TimePoint now) {
  const Shot shot{.number = taken_++,
                  .due = due,
                  .sent = now,
                  .give_up = (options_.strict ? due : now) + options_.timeout,
                  .counted = due >= start_,
                  .held = due < full_until_};
  if (shot.counted) ++counted_;
  if (arrivals_) next_due_ = arrivals_->Next();
  return shot;
}

Pacer::Turn Pacer::Next(TimePoint now) {
  const MutexLock lock(mu_);
  for (;;) {
    const TimePoint due = arrivals_ ? next_due_ : now;
    over_ = SendingIsOver(due);
    if (over_ || (in_flight_ >= options_.in_flight && (options_.strict || due + options_.timeout > now))) return {};
    const TimePoint go = arrivals_ ? OnTick(due) : due;
    if (go > now) return {.shot = std::nullopt, .ask_again = go};
    if (in_flight_ >= options_.in_flight) full_until_ = now;
    const Shot shot = Take(due, now);
    if (due + options_.timeout <= now || (options_.strict && shot.held)) {
      tally_.Dropped(shot, now, now < end_);
      if (watcher_ != nullptr) watcher_->Dropped(shot);
      continue;
    }
    tally_.Sent(shot);
    ++in_flight_;
    counted_in_flight_ += shot.counted ? 1 : 0;
    return {.shot = shot};
  }
}

TimePoint Pacer::Ended(const Shot& shot, TimePoint now, const Outcome& outcome) {
  const MutexLock lock(mu_);
  if (stopped_) return now;
  if (in_flight_ >= options_.in_flight) full_until_ = now;
  --in_flight_;
  counted_in_flight_ -= shot.counted ? 1 : 0;
  tally_.Ended(shot, now, outcome, now < end_);
  return watcher_ == nullptr ? now : now + watcher_->Ended(shot, now, outcome, now < end_);
}

void Pacer::NoteEnd(TimePoint now) {
  const MutexLock lock(mu_);
  over_ = SendingIsOver(arrivals_ ? next_due_ : now);
}

void Pacer::Stop(TimePoint now) {
  const MutexLock lock(mu_);
  if (stopped_) return;
  stopped_ = now;
  tally_.Unfinished(counted_in_flight_);
  if (in_flight_ >= options_.in_flight) full_until_ = now;
  // What was due and found no room is unfinished, too.
  while (arrivals_ && next_due_ <= now && !SendingIsOver(next_due_)) {
    const Shot shot = Take(next_due_, now);
    tally_.Sent(shot);
    tally_.Unfinished(shot.counted ? 1 : 0);
  }
  over_ = true;
  in_flight_ = counted_in_flight_ = 0;
}

bool Pacer::finished() const {
  const MutexLock lock(mu_);
  return over_ && in_flight_ == 0;
}

Pacer::Progress Pacer::progress(TimePoint now) const {
  const MutexLock lock(mu_);
  Progress progress{.warming_up = now < start_,
                    .sending = !over_,
                    .completed = tally_.completed(),
                    .failed = tally_.failed(),
                    .in_flight = in_flight_,
                    .latest = tally_.latest()};
  progress.done = options_.requests > 0 ? static_cast<double>(counted_) / static_cast<double>(options_.requests)
                                        : Seconds(now - begin_) / Seconds(end_ - begin_);
  progress.done = std::clamp(progress.done, 0.0, 1.0);
  return progress;
}

Result<Summary> Pacer::Finish() {
  const MutexLock lock(mu_);
  TimePoint end = options_.requests > 0 ? tally_.last_end() : end_;
  if (stopped_) end = std::min(*stopped_, end_);
  if (end <= start_) return Fail(Code::kCancelled, "the run was ended during the warm-up; nothing was measured");
  return tally_.Finish(end);
}

}  // namespace weir::load
