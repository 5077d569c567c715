// Runs a program on threads whose every turn is chosen, and chooses them in all possible ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"

namespace weir::explore {

class Strand;

// What a mutex is made of: who has it, and what was done by those who had it (as one number).
struct LockState {
  Strand* holder = nullptr;
  std::uint64_t past = 0;
  std::uint64_t schedule = 0;  // that it is of: some mutexes outlive them
};

// How far an exploration goes.
struct Bounds {
  // Turns that may be taken from a strand in the middle, where it would take a lock, in one schedule. Where a strand
  // has to wait, ends, or says Step, all others are tried always.
  int preemptions = 0;
  std::uint64_t schedules = UINT64_MAX;  // then the exploration ends, not whole
  bool first = false;                    // ends with the first schedule that goes wrong
  bool again = false;                    // goes on from states that were met before too
};

struct Finding {
  std::string what;                 // what went wrong; empty: nothing did
  std::vector<std::string> events;  // what happened up to there, in order
};

struct Explored {
  std::uint64_t schedules = 0;
  std::uint64_t states = 0;      // at which the program's Watch looked
  std::set<std::uint64_t> ends;  // the states in which schedules ended
  bool whole = false;            // there are no other schedules within the bounds
  Finding shortest;              // of those that went wrong, the one with the fewest events
};

// Stateless model checking: `program` is run from its start once for each schedule. A schedule is the list of what was
// chosen at each place where several strands could have gone on (or where the program itself said Choose); the next
// one differs from it in the last place where something else is left to try. Strands are coroutines with stacks of
// their own on one thread of the system, so a schedule is the same each time and costs microseconds. A place is: a lock
// about to be taken, a wait, an end, a Step. Atomics are none. A schedule after which nobody can go on, with somebody
// not at his end, is a finding.
//
// Two schedules that differ only in the order of what has nothing to do with each other lead to the same state: what is
// told apart is who had the same locks in which order, and what Saw and Note say. From a state that was met before
// nothing is tried again (Musuvathi and Qadeer, "Partial-order reduction for context-bounded state exploration").
Explored Explore(const std::function<void()>& program, const Bounds& bounds);

// What the program, and the mutexes and threads that stand in for base's, talk to. One for the process; confined to
// the thread that calls Explore.
class Scheduler {
 public:
  static Scheduler& Get();
  virtual ~Scheduler() = default;

  // For the stand-ins. Outside an exploration they do nothing: there is one thread then.
  virtual Strand* Spawn(std::move_only_function<void()> body) = 0;
  virtual void Join(Strand* strand) = 0;
  virtual void Lock(LockState& lock) = 0;
  virtual void Unlock(LockState& lock) = 0;
  virtual void AwaitNotify(const void* condition, const std::stop_token& stop, TimePoint until) = 0;
  virtual void NotifyOne(const void* condition) = 0;
  virtual void NotifyAll(const void* condition) = 0;
  virtual TimePoint Now() const = 0;

  // This strand has learned something that is not behind a lock: the time, for example.
  virtual void Saw(std::uint64_t value) = 0;
  // For the program.
  virtual void SetClock(const Clock* clock) = 0;  // null again before it is gone
  // Another strand may go on here, at no cost of a preemption.
  virtual void Step() = 0;
  // One of `count` ways on; all are tried.
  virtual std::size_t Choose(std::size_t count) = 0;
  // Blocks until no other strand can go on.
  virtual void AwaitQuiet() = 0;
  // Until it is set again nothing is tried out: one strand after the other.
  virtual void SetChoosing(bool on) = 0;
  // Called in every state in which no lock is held, on the strand that runs; it may take locks, and nobody else goes on
  // meanwhile.
  virtual void SetWatch(std::function<void()> watch) = 0;
  virtual void Note(std::string event) = 0;
  // What must never be: kept as a finding; the schedule goes on.
  virtual void Wrong(const std::string& what) = 0;
};

}  // namespace weir::explore
