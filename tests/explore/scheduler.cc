#include "explore/scheduler.h"

#include <algorithm>
#include <exception>
#include <unordered_map>
#include <utility>

#include "explore/stack.h"

namespace weir::explore {

// One thread of the program: where it is, and what it waits for. Owned by the scheduler.
class Strand {
 public:
  enum class State { kReady, kWaitsForLock, kWaitsForNotify, kWaitsForEnd, kWaitsForQuiet, kEnded };

  Stack stack;
  std::move_only_function<void()> body;
  State state = State::kReady;
  Strand* const* holder = nullptr;  // kWaitsForLock: of the lock
  const void* condition = nullptr;  // kWaitsForNotify; null once it was notified
  std::stop_token stop;
  TimePoint until;
  const Strand* joined = nullptr;  // kWaitsForEnd
  // What it has done and seen so far, as one number.
  std::uint64_t past = 0;

  // Has used something that has such a past itself: from now on both know of each other's.
  void Use(std::uint64_t& other) { past = other = Mix(past, other); }
  static std::uint64_t Mix(std::uint64_t a, std::uint64_t b) {  // a step of MurmurHash3's finaliser on both
    std::uint64_t h = (a * 0x9e3779b97f4a7c15ULL) ^ (b + 0x632be59bd9b4e019ULL);
    h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdULL;
    return h ^ (h >> 29);
  }

  bool Ready(TimePoint now) const {
    switch (state) {
      case State::kReady: return true;
      case State::kWaitsForLock: return *holder == nullptr;
      case State::kWaitsForNotify: return condition == nullptr || stop.stop_requested() || now >= until;
      case State::kWaitsForEnd: return joined->state == State::kEnded;
      case State::kWaitsForQuiet:
      case State::kEnded: return false;
    }
    return false;
  }
};

namespace {

class DepthFirst final : public Scheduler {
 public:
  Explored Run(const std::function<void()>& program, const Bounds& bounds);

  Strand* Spawn(std::move_only_function<void()> body) override;
  void Join(Strand* strand) override;
  void Lock(LockState& lock) override;
  void Unlock(LockState& lock) override;
  void AwaitNotify(const void* condition, const std::stop_token& stop, TimePoint until) override;
  void NotifyOne(const void* condition) override { Notify(condition, false); }
  void NotifyAll(const void* condition) override { Notify(condition, true); }
  TimePoint Now() const override { return clock_ != nullptr ? clock_->Now() : TimePoint(); }
  void Saw(std::uint64_t value) override;

  void SetClock(const Clock* clock) override { clock_ = clock; }
  void Step() override;
  std::size_t Choose(std::size_t count) override;
  void AwaitQuiet() override { Wait(Strand::State::kWaitsForQuiet); }
  void SetChoosing(bool on) override { choosing_ = on; }
  void SetWatch(std::function<void()> watch) override { watch_ = std::move(watch); }
  void Note(std::string event) override;
  void Wrong(const std::string& what) override;

 private:
  struct Choice {
    std::size_t taken;
    std::size_t of;
  };

  static void Enter();
  [[noreturn]] static void Terminated();
  void RunOnce(const std::function<void()>& program);
  bool NextSchedule();
  void Look();
  void Preempt();
  void Wait(Strand::State state);
  void Notify(const void* condition, bool all);
  void Others(std::vector<Strand*>& ready) const;
  void GoOn();
  void Switch(Strand* to);
  void Leave();
  std::size_t Pick(std::size_t count);
  std::uint64_t State() const;
  bool Known();
  bool Watching() const { return current_ == nullptr || looking_; }

  Bounds bounds_;
  Explored result_;
  std::vector<Choice> path_;
  std::size_t depth_ = 0;
  std::unordered_map<std::uint64_t, int> known_;  // states that were gone on from -> preemptions left there

  // Of the present schedule.
  std::uint64_t number_ = 0;
  std::vector<std::unique_ptr<Strand>> strands_;
  std::vector<std::unique_ptr<Strand>> used_;  // with stacks for the next ones
  Stack root_;
  Strand* current_ = nullptr;
  std::vector<Strand*> ready_;  // scratch
  const Clock* clock_ = nullptr;
  std::function<void()> watch_;
  std::vector<std::string> events_;
  std::uint64_t outside_ = 0;  // the past of what the program itself keeps
  int locks_ = 0;              // that are held
  int preemptions_ = 0;
  bool choosing_ = true;
  bool covered_ = false;  // all ways on from here have been tried in another schedule
  bool looking_ = false;
  bool wrong_ = false;
  bool stuck_ = false;
};

DepthFirst& TheOne() {
  static DepthFirst& one = *new DepthFirst;
  return one;
}

Explored DepthFirst::Run(const std::function<void()>& program, const Bounds& bounds) {
  bounds_ = bounds;
  result_ = {};
  path_.clear();
  known_.clear();
  const std::terminate_handler before = std::set_terminate(Terminated);
  do {
    RunOnce(program);
    ++result_.schedules;
    if (stuck_ || (wrong_ && bounds.first) || result_.schedules == bounds.schedules) break;
  } while (!(result_.whole = !NextSchedule()));
  std::set_terminate(before);
  return std::exchange(result_, {});
}

bool DepthFirst::NextSchedule() {
  while (!path_.empty() && path_.back().taken + 1 == path_.back().of) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().taken;
  return true;
}

void DepthFirst::RunOnce(const std::function<void()>& program) {
  depth_ = 0;
  ++number_;
  preemptions_ = locks_ = 0;
  choosing_ = true;
  wrong_ = stuck_ = looking_ = covered_ = false;
  outside_ = 0;
  watch_ = nullptr;
  clock_ = nullptr;
  events_.clear();
  Strand* const first = Spawn(program);
  current_ = first;
  Stack::GoTo(root_, first->stack);
  current_ = nullptr;
  if (stuck_) {  // what is on the stacks cannot be ended: it stays
    for (auto& strand : strands_) static_cast<void>(strand.release());
    strands_.clear();
    return;
  }
  result_.ends.insert(State());
  for (auto& strand : strands_) used_.push_back(std::move(strand));
  strands_.clear();
}

// An illegal move of a model, or an exception that nobody caught.
void DepthFirst::Terminated() {
  DepthFirst& self = TheOne();
  self.Wrong("the program ended itself (an illegal move of a model's state, or an exception that nobody caught)");
  self.stuck_ = true;
  self.Leave();
  std::abort();
}

void DepthFirst::Enter() {
  DepthFirst& self = TheOne();
  Strand* const me = self.current_;
  me->stack.Arrived();
  me->body();
  me->body = nullptr;
  me->state = Strand::State::kEnded;
  self.GoOn();
  std::abort();  // nobody comes back to it
}

Strand* DepthFirst::Spawn(std::move_only_function<void()> body) {
  auto strand = used_.empty() ? std::make_unique<Strand>() : std::move(used_.back());
  if (!used_.empty()) used_.pop_back();
  strand->state = Strand::State::kReady;
  strand->body = std::move(body);
  strand->past = strands_.size() + 1;
  if (current_ != nullptr) strand->past = Strand::Mix(strand->past, current_->past);
  strand->stack.Prepare(Enter);
  return strands_.emplace_back(std::move(strand)).get();
}

void DepthFirst::Look() {
  if (locks_ > 0 || looking_ || covered_ || !watch_) return;
  ++result_.states;
  looking_ = true;
  watch_();
  looking_ = false;
}

void DepthFirst::Others(std::vector<Strand*>& ready) const {
  const TimePoint now = Now();
  for (const auto& strand : strands_) {
    if (strand.get() != current_ && strand->Ready(now)) ready.push_back(strand.get());
  }
}

void DepthFirst::Step() {
  if (Watching()) return;
  Saw(2);
  Look();
  ready_.assign(1, current_);
  Others(ready_);
  Switch(ready_[Pick(ready_.size())]);
  Saw(3);  // it is past this place
}

void DepthFirst::Preempt() {
  Look();
  if (preemptions_ >= bounds_.preemptions || !choosing_) return;
  ready_.assign(1, current_);
  Others(ready_);
  Strand* const next = ready_[Pick(ready_.size())];
  if (next != current_) ++preemptions_;
  Switch(next);
}

// The present strand cannot go on.
void DepthFirst::GoOn() {
  Look();
  ready_.clear();
  Others(ready_);
  if (current_->Ready(Now())) ready_.push_back(current_);
  if (!ready_.empty()) return Switch(ready_[Pick(ready_.size())]);
  for (const auto& strand : strands_) {
    if (strand->state == Strand::State::kWaitsForQuiet) return Switch(strand.get());
  }
  const bool over =
      std::ranges::all_of(strands_, [](const auto& strand) { return strand->state == Strand::State::kEnded; });
  if (!over) Wrong("nobody can go on, and somebody is not at his end");
  stuck_ = !over;
  Leave();
}

void DepthFirst::Leave() { Stack::GoTo(std::exchange(current_, nullptr)->stack, root_, true); }

void DepthFirst::Switch(Strand* to) {
  if (to == current_) return;
  Strand* const from = std::exchange(current_, to);
  Stack::GoTo(from->stack, to->stack, from->state == Strand::State::kEnded);
}

void DepthFirst::Wait(Strand::State state) {
  current_->state = state;
  GoOn();
  current_->state = Strand::State::kReady;
}

std::size_t DepthFirst::Choose(std::size_t count) {
  const std::size_t taken = Pick(count);
  Saw(taken);
  return taken;
}

// The state is what the strands have done, told by who used the same things in which order, and where they stand.
std::uint64_t DepthFirst::State() const {
  std::uint64_t state = static_cast<std::uint64_t>(Now().time_since_epoch().count());
  for (const auto& strand : strands_) {
    state = Strand::Mix(state, strand->past + static_cast<std::uint64_t>(strand->state));
    if (strand.get() == current_) state = Strand::Mix(state, locks_ + 1);
  }
  return state;
}

bool DepthFirst::Known() {
  if (bounds_.again) return false;
  const int left = bounds_.preemptions - preemptions_;
  const auto [found, fresh] = known_.try_emplace(State(), left);
  if (!fresh && found->second >= left) return true;
  found->second = left;
  return false;
}

std::size_t DepthFirst::Pick(std::size_t count) {
  if (count < 2 || !choosing_ || covered_) return 0;
  if (depth_ == path_.size() && Known()) {
    covered_ = true;
    return 0;
  }
  if (depth_ == path_.size()) path_.push_back({0, count});
  if (path_[depth_].of != count) Wrong("the same schedule went another way: something in it is left to chance");
  return std::min(path_[depth_++].taken, count - 1);
}

void DepthFirst::Join(Strand* strand) {
  if (Watching()) return;
  current_->joined = strand;
  if (strand->state != Strand::State::kEnded) Wait(Strand::State::kWaitsForEnd);
  Saw(strand->past);
}

void DepthFirst::Lock(LockState& lock) {
  if (Watching()) return;
  Preempt();
  while (lock.holder != nullptr) {
    if (lock.holder == current_) Wrong("a lock is taken by who has it");
    current_->holder = &lock.holder;
    Wait(Strand::State::kWaitsForLock);
  }
  lock.holder = current_;
  if (std::exchange(lock.schedule, number_) != number_) lock.past = 0;
  current_->Use(lock.past);
  ++locks_;
}

void DepthFirst::Unlock(LockState& lock) {
  if (Watching()) return;
  lock.holder = nullptr;
  --locks_;
}

void DepthFirst::Saw(std::uint64_t value) {
  if (!Watching()) current_->past = Strand::Mix(current_->past, value);
}

void DepthFirst::Note(std::string event) {
  current_->Use(outside_);
  events_.push_back(std::move(event));
}

void DepthFirst::AwaitNotify(const void* condition, const std::stop_token& stop, TimePoint until) {
  if (Watching()) return;
  current_->condition = condition;
  current_->stop = stop;
  current_->until = until;
  Saw(1);
  Wait(Strand::State::kWaitsForNotify);
  current_->stop = {};
}

// Who waits for the same condition is taken for the same: the first of them is notified.
void DepthFirst::Notify(const void* condition, bool all) {
  for (const auto& strand : strands_) {
    if (strand->state != Strand::State::kWaitsForNotify || strand->condition != condition) continue;
    strand->condition = nullptr;
    if (current_ != nullptr) strand->Use(current_->past);
    if (!all) return;
  }
}

void DepthFirst::Wrong(const std::string& what) {
  if (wrong_) return;
  wrong_ = true;
  Finding& best = result_.shortest;
  if (best.what.empty() || events_.size() < best.events.size()) best = {.what = what, .events = events_};
}

}  // namespace

Scheduler& Scheduler::Get() { return TheOne(); }

Explored Explore(const std::function<void()>& program, const Bounds& bounds) { return TheOne().Run(program, bounds); }

}  // namespace weir::explore
