#include "engine/deadline_list.h"

#include <utility>

namespace weir {

DeadlineList::Entry DeadlineList::Add(Deadline deadline, std::weak_ptr<Expires> what) {
  const MutexLock lock(mu_);
  return {this, entries_.emplace(deadline.at(), std::move(what))};
}

void DeadlineList::Remove(Entry::Place place) {
  const MutexLock lock(mu_);
  entries_.erase(place);
}

std::vector<std::shared_ptr<Expires>> DeadlineList::TakeDue(TimePoint now, TimePoint& next) {
  std::vector<std::shared_ptr<Expires>> due;
  const MutexLock lock(mu_);
  for (auto& [at, what] : entries_) {
    if (at > now) {
      next = at;
      break;
    }
    // The entry stays until its owner takes it off; an empty pointer says that it was expired.
    if (auto alive = std::exchange(what, {}).lock()) due.push_back(std::move(alive));
  }
  return due;
}

TimePoint DeadlineList::Expire(TimePoint now) {
  TimePoint next = TimePoint::max();
  for (const auto& one : TakeDue(now, next)) {
    one->Expire({Code::kDeadlineExceeded, "the deadline passed before the request was answered"});
  }
  return next;
}

void DeadlineList::GiveUp(const Error& why) {
  TimePoint none = TimePoint::max();
  for (const auto& one : TakeDue(TimePoint::max(), none)) one->Expire(why);
}

}  // namespace weir
