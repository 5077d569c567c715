// Jobs in the order of their turns.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "engine/job.h"

namespace weir {

// A line of jobs, sorted by Job::turn, those of the same turn by arrival. Cheap at both ends, and for taking some out
// near the front. Owned by a BatchQueue. Thread-compatible.
class TurnQueue {
 public:
  bool empty() const { return front_ == jobs_.size(); }
  std::size_t size() const { return jobs_.size() - front_; }
  Job& operator[](std::size_t place) { return *jobs_[front_ + place]; }

  // Mostly at the back; only the later texts of a big request have turns that lie behind a newcomer's.
  void Insert(JobPtr job) {
    Compact();
    jobs_.push_back(std::move(job));
    for (std::size_t i = jobs_.size() - 1; i > front_ && jobs_[i]->turn < jobs_[i - 1]->turn; --i) {
      std::swap(jobs_[i], jobs_[i - 1]);
    }
  }

  // Moves the jobs at these places (ascending) to `out`; notes for those left behind how often they were passed.
  void Take(std::span<const std::uint32_t> places, std::vector<JobPtr>& out) {
    for (const std::uint32_t place : places) out.push_back(std::move(jobs_[front_ + place]));
    if (places.empty()) return;
    // Those left before the last one taken move up against the rest of the line.
    std::size_t to = front_ + places.back() + 1;
    std::uint32_t passed_by = 0;
    for (std::size_t from = to; from-- > front_;) {
      if (jobs_[from] == nullptr) {
        ++passed_by;
        continue;
      }
      jobs_[from]->overtaken += passed_by;
      --to;
      if (to != from) jobs_[to] = std::move(jobs_[from]);
    }
    front_ = to;
  }

  // Takes out all for which `unwanted(job)` holds.
  template <typename Unwanted>
  void TakeIf(Unwanted unwanted, std::vector<JobPtr>& out) {
    for (std::size_t i = front_; i < jobs_.size(); ++i) {
      if (unwanted(*jobs_[i])) out.push_back(std::move(jobs_[i]));
    }
    jobs_.erase(std::remove(jobs_.begin() + static_cast<std::ptrdiff_t>(front_), jobs_.end(), nullptr), jobs_.end());
  }

 private:
  void Compact() {
    if (front_ == jobs_.size()) {
      jobs_.clear();
      front_ = 0;
    } else if (front_ >= 1024 && front_ > jobs_.size() / 2) {
      jobs_.erase(jobs_.begin(), jobs_.begin() + static_cast<std::ptrdiff_t>(front_));
      front_ = 0;
    }
  }

  std::vector<JobPtr> jobs_;  // the first front_ places are empty
  std::size_t front_ = 0;
};

}  // namespace weir
