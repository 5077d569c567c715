#include "engine/deadline_list.h"

#include <utility>
#include <vector>

namespace weir {

DeadlineList::Entry DeadlineList::Add(Deadline deadline, std::weak_ptr<Expires> what) {
  const MutexLock lock(mu_);
  return {this, entries_.emplace(deadline.at(), std::move(what))};
}

void DeadlineList::Remove(Entry::Place place) {
  const MutexLock lock(mu_);
  entries_.erase(place);
}

TimePoint DeadlineList::Expire(TimePoint now) {
  std::vector<std::shared_ptr<Expires>> due;
  TimePoint next = TimePoint::max();
  {
    const MutexLock lock(mu_);
    for (auto& [at, what] : entries_) {
      if (at > now) {
        next = at;
        break;
      }
      // The entry stays until its owner takes it off; an empty pointer says that it was expired.
      if (auto alive = std::exchange(what, {}).lock()) due.push_back(std::move(alive));
    }
  }
  for (const auto& one : due) one->Expire();
  return next;
}

}  // namespace weir
