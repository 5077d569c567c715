#include "executor/thread_pool.h"

#include <exception>
#include <utility>

#include "base/log.h"
#include "base/thread_name.h"

namespace weir {

ThreadPool::ThreadPool(std::size_t threads, const std::string& name, int nice) : name_(name), nice_(nice) {
  const MutexLock lock(mu_);
  for (std::size_t i = 0; i < threads; ++i) AddThread();
}

ThreadPool::~ThreadPool() {
  {
    const MutexLock lock(mu_);
    closed_ = true;
  }
  changed_.NotifyAll();
}

void ThreadPool::AddThread() {
  const std::uint64_t id = ++last_id_;
  threads_.try_emplace(id, [this, id] { Loop(id); });
}

void ThreadPool::Submit(Task task) {
  {
    const MutexLock lock(mu_);
    tasks_.push_back(std::move(task));
  }
  changed_.NotifyOne();
}

void ThreadPool::Grow() {
  std::vector<decltype(threads_)::node_type> joined;  // after the lock is given back; they have ended by then
  const MutexLock lock(mu_);
  for (const std::uint64_t id : std::exchange(ended_, {})) joined.push_back(threads_.extract(id));
  if (surplus_ > 0) {
    --surplus_;
  } else {
    AddThread();
  }
}

void ThreadPool::Shrink() {
  {
    const MutexLock lock(mu_);
    ++surplus_;
  }
  changed_.NotifyOne();
}

// False when this thread is to end.
bool ThreadPool::NextTask(std::uint64_t id, Task& task) {
  const MutexLock lock(mu_);
  changed_.Wait(mu_, [this]() REQUIRES(mu_) { return closed_ || surplus_ > 0 || !tasks_.empty(); });
  if (surplus_ > 0 && !closed_) {
    --surplus_;
    ended_.push_back(id);
    return false;
  }
  if (tasks_.empty()) return false;
  task = std::move(tasks_.front());
  tasks_.pop_front();
  return true;
}

void ThreadPool::Loop(std::uint64_t id) {
  SetThreadName(name_);
  if (nice_ > 0) SetThreadNice(nice_);
  for (Task task; NextTask(id, task); task = nullptr) {
    try {
      task();
    } catch (const std::exception& e) {
      log::Error("a task of '{}' failed: {}", name_, e.what());
    }
  }
}

}  // namespace weir
