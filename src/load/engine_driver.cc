#include "load/engine_driver.h"

#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace weir::load {
namespace {

// Ended requests on their way from the threads that answer to the one that drives. Thread-safe; shared with the
// callbacks.
class Inbox {
 public:
  struct Item {
    Shot shot;
    TimePoint at;
    Outcome outcome;
  };

  void Put(Item item) {
    const MutexLock lock(mu_);
    items_.push_back(std::move(item));
    arrived_.NotifyOne();
  }
  // What has arrived, at the latest at `until` or when `stop` is requested; may be nothing.
  std::vector<Item> Take(TimePoint until, std::stop_token stop) {
    const MutexLock lock(mu_);
    const auto here = [this]() REQUIRES(mu_) { return !items_.empty(); };
    if (until == TimePoint::max()) {
      arrived_.Wait(mu_, std::move(stop), here);
    } else {
      arrived_.WaitUntil(mu_, std::move(stop), until, here);
    }
    return std::exchange(items_, {});
  }

 private:
  Mutex mu_;
  CondVar arrived_;
  std::vector<Item> items_ GUARDED_BY(mu_);
};

}  // namespace

Outcome OutcomeOf(const Error& error) {
  return {.error = std::string(CodeName(error.code)),
          .example = error.message,
          .gave_up = error.code == Code::kDeadlineExceeded};
}

void DriveWork(const Work& work, const Clock& clock, Pacer& pacer, std::stop_token stop) {
  const auto inbox = std::make_shared<Inbox>();
  std::stop_source cancel;
  std::uint64_t under_way = 0;
  while (!stop.stop_requested()) {
    Pacer::Turn turn = pacer.Next(clock.Now());
    for (; turn.shot; turn = pacer.Next(clock.Now())) {
      const Shot shot = *turn.shot;
      ++under_way;
      work(shot.number, Deadline(shot.sent + pacer.options().timeout), cancel.get_token(),
           [inbox, shot, &clock](Outcome outcome) { inbox->Put({shot, clock.Now(), std::move(outcome)}); });
    }
    if (pacer.finished()) return;
    for (const Inbox::Item& item : inbox->Take(turn.ask_again, stop)) {
      --under_way;
      pacer.Ended(item.shot, item.at, item.outcome);
    }
  }
  pacer.Stop(clock.Now());
  cancel.request_stop();
  while (under_way > 0) under_way -= inbox->Take(TimePoint::max(), {}).size();
}

}  // namespace weir::load
