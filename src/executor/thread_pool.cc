#include "executor/thread_pool.h"

#include <exception>
#include <utility>

#include "base/log.h"
#include "base/thread_name.h"

namespace weir {

ThreadPool::ThreadPool(std::size_t threads, const std::string& name) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, name] { Loop(name); });
}

ThreadPool::~ThreadPool() {
  {
    const MutexLock lock(mu_);
    closed_ = true;
  }
  changed_.NotifyAll();
}

void ThreadPool::Submit(Task task) {
  {
    const MutexLock lock(mu_);
    tasks_.push_back(std::move(task));
  }
  changed_.NotifyOne();
}

void ThreadPool::Loop(const std::string& name) {
  SetThreadName(name);
  for (;;) {
    Task task;
    {
      const MutexLock lock(mu_);
      changed_.Wait(mu_, [this]() REQUIRES(mu_) { return closed_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    try {
      task();
    } catch (const std::exception& e) {
      log::Error("a task of '{}' failed: {}", name, e.what());
    }
  }
}

}  // namespace weir
