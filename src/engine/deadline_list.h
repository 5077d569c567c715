// Requests whose deadline must be kept wherever they are: waiting for a model, being tokenized, queued, running.
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"

namespace weir {

// Something that has to be answered at its deadline, or when the engine gives it up. May come on any thread, and
// after the answer.
class Expires {
 public:
  virtual ~Expires() = default;
  virtual void Expire(const Error& why) = 0;
};

// What expires when. Owned by the Engine, swept by its DeadlineWatch. Thread-safe; Expire is called without a lock.
class DeadlineList {
 public:
  // Takes its entry off the list when destroyed; the list outlives it. Move-only.
  class Entry {
   public:
    Entry() = default;
    Entry(Entry&& other) noexcept : list_(std::exchange(other.list_, nullptr)), place_(other.place_) {}
    Entry& operator=(Entry&& other) noexcept {
      std::swap(list_, other.list_);
      std::swap(place_, other.place_);
      return *this;
    }
    ~Entry() {
      if (list_ != nullptr) list_->Remove(place_);
    }

   private:
    friend class DeadlineList;
    using Place = std::multimap<TimePoint, std::weak_ptr<Expires>>::iterator;
    Entry(DeadlineList* list, Place place) : list_(list), place_(place) {}

    DeadlineList* list_ = nullptr;
    Place place_;
  };

  Entry Add(Deadline deadline, std::weak_ptr<Expires> what);
  // Expires what is due at `now`, each once; returns the earliest deadline of the rest.
  TimePoint Expire(TimePoint now);
  // Expires everything: the engine stops.
  void GiveUp(const Error& why);

 private:
  // Those that are due at `now`, each once; sets the earliest deadline of the rest.
  std::vector<std::shared_ptr<Expires>> TakeDue(TimePoint now, TimePoint& next);
  void Remove(Entry::Place place);

  Mutex mu_;
  std::multimap<TimePoint, std::weak_ptr<Expires>> entries_ GUARDED_BY(mu_);
};

}  // namespace weir
