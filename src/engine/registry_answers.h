// Callbacks of the registry that wait for its lock to be free. Included by its files alone.
#pragma once

#include <exception>
#include <utility>
#include <vector>

#include "base/log.h"
#include "engine/registry.h"

namespace weir {

// Collected under the registry's lock, called when this is destroyed: declare it before the lock.
class Registry::Answers {
 public:
  Answers() = default;
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;
  ~Answers() {
    for (auto& [done, answer] : ready_) Call(done, std::move(answer));
    for (auto& [done, answer] : done_) Call(done, std::move(answer));
  }

  void Add(Ready done, Result<DeploymentPtr> answer) { ready_.emplace_back(std::move(done), std::move(answer)); }
  void Add(Done done, Status answer) { done_.emplace_back(std::move(done), std::move(answer)); }
  void AddAll(std::vector<Waiter>& waiters, const Result<DeploymentPtr>& answer) {
    for (Waiter& waiter : waiters) Add(std::move(waiter.done), answer);
    waiters.clear();
  }
  void AddAll(std::vector<Done>& unloaders) {
    for (Done& done : unloaders) Add(std::move(done), Status());
    unloaders.clear();
  }
  // To be dropped without the lock, which it may be needed for.
  void Drop(DeploymentPtr deployment) { dropped_.push_back(std::move(deployment)); }

 private:
  template <typename Callback, typename Answer>
  static void Call(Callback& callback, Answer answer) {
    try {
      callback(std::move(answer));
    } catch (const std::exception& e) {  // a caller's mistake is not its neighbours'
      log::Error("a caller who waited for a model could not be answered: {}", e.what());
    }
  }

  std::vector<std::pair<Ready, Result<DeploymentPtr>>> ready_;
  std::vector<std::pair<Done, Status>> done_;
  std::vector<DeploymentPtr> dropped_;
};

}  // namespace weir
