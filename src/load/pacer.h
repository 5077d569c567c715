// Decides when the next request goes out, and keeps the count of what became of all.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "load/arrivals.h"
#include "load/load_options.h"
#include "load/tally.h"

namespace weir::load {

// Sees what becomes of each request of a run. Called under the Pacer's lock: quick, and calls nothing back.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // `in_time`: before the end of the measured time. Returns how long the caller rests before it asks again.
  virtual Duration Ended(const Shot& shot, TimePoint now, const Outcome& outcome, bool in_time) = 0;
  virtual void Dropped(const Shot& shot) = 0;
};

// The schedule of one run, without sockets and without a clock: drivers ask it what to send, send it, and tell it
// what came back. A request of an open loop that finds `in_flight` others out waits for its turn; once it has waited
// for the time-out it is dropped. Neither makes it disappear from the figures. Thread-safe, never blocks.
class Pacer {
 public:
  // `watcher` may be null; else it outlives the Pacer.
  Pacer(const LoadOptions& options, TimePoint now, Watcher* watcher = nullptr);

  // Either a request to be sent now, or when to ask again: TimePoint::max() means once something has ended.
  struct Turn {
    std::optional<Shot> shot;
    TimePoint ask_again = TimePoint::max();
  };
  Turn Next(TimePoint now);
  // Returns when the caller may send the next one.
  TimePoint Ended(const Shot& shot, TimePoint now, const Outcome& outcome);

  // Notes that sending is over when it is; for drivers that have nobody free to ask Next.
  void NoteEnd(TimePoint now);
  // No more requests; what is out is given up.
  void Stop(TimePoint now);
  // Everything that was to be sent has been, and has ended.
  bool finished() const;

  // What a progress line shows.
  struct Progress {
    bool warming_up = false;
    bool sending = false;
    double done = 0;  // share of the whole run
    std::uint64_t completed = 0;
    std::uint64_t failed = 0;
    std::uint64_t in_flight = 0;
    Sample latest;
  };
  Progress progress(TimePoint now) const;

  // After the end. The error says that the run was ended before anything was measured.
  Result<Summary> Finish();

  const LoadOptions& options() const { return options_; }
  // When the measured time begins and ends; the end is TimePoint::max() when a number of requests ends it.
  TimePoint start() const { return start_; }
  TimePoint end() const { return end_; }

 private:
  TimePoint OnTick(TimePoint due) const;
  bool SendingIsOver(TimePoint due) const REQUIRES(mu_);
  Shot Take(TimePoint due, TimePoint now) REQUIRES(mu_);

  // Constant after construction.
  const LoadOptions options_;
  const TimePoint begin_;
  const TimePoint start_;  // of the measured time
  const TimePoint end_;    // never when a number of requests ends the run
  Watcher* const watcher_;

  mutable Mutex mu_;
  // Guarded by mu_.
  std::optional<PoissonArrivals> arrivals_ GUARDED_BY(mu_);
  TimePoint next_due_ GUARDED_BY(mu_);
  std::uint64_t taken_ GUARDED_BY(mu_) = 0;
  std::uint64_t counted_ GUARDED_BY(mu_) = 0;
  std::uint64_t in_flight_ GUARDED_BY(mu_) = 0;
  std::uint64_t counted_in_flight_ GUARDED_BY(mu_) = 0;
  TimePoint full_until_ GUARDED_BY(mu_);
  bool over_ GUARDED_BY(mu_) = false;  // nothing more is to be sent
  std::optional<TimePoint> stopped_ GUARDED_BY(mu_);
  Tally tally_ GUARDED_BY(mu_);
};

}  // namespace weir::load
