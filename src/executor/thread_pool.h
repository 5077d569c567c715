// A few threads that run short tasks in order of arrival.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/thread.h"

namespace weir {

// Runs tasks on its own threads, first in, first out. Owned by the composition root; used for work that is
// too long for an I/O thread and too short for a queue of its own (tokenizing). Thread-safe; Submit never
// blocks. The queue is as long as its submitters make it: each holds a Permit (engine/admission.h), which
// is where the bound is. Destruction runs what was submitted, then joins.
class ThreadPool {
 public:
  using Task = std::move_only_function<void()>;

  // `threads` >= 1. `name` is shown by top and gdb (at most 15 characters). `nice`: how willingly they yield to others,
  // 0 to 19.
  ThreadPool(std::size_t threads, const std::string& name, int nice = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void Submit(Task task);

  // One thread more, for as long as a task holds one up that nobody waits for; then one fewer. Neither waits.
  void Grow();
  void Shrink();

 private:
  void AddThread() REQUIRES(mu_);
  void Loop(std::uint64_t id);
  bool NextTask(std::uint64_t id, Task& task);

  const std::string name_;
  const int nice_;

  // Guarded by mu_.
  Mutex mu_;
  CondVar changed_;
  std::deque<Task> tasks_ GUARDED_BY(mu_);
  bool closed_ GUARDED_BY(mu_) = false;
  std::size_t surplus_ GUARDED_BY(mu_) = 0;  // threads that are to end
  std::uint64_t last_id_ GUARDED_BY(mu_) = 0;
  std::vector<std::uint64_t> ended_ GUARDED_BY(mu_);  // to be joined

  std::map<std::uint64_t, Thread> threads_ GUARDED_BY(mu_);  // last: joined first
};

}  // namespace weir
