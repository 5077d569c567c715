#include "engine/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"
#include "base/memory.h"
#include "base/nearest.h"

namespace weir {
namespace {

constexpr char kStopping[] = "the server is stopping";

}  // namespace

Registry::Registry(const DeploymentOptions& options, std::size_t load_threads, ServableLoader& loader,
                   const DeploymentContext& context)
    : options_(options), loader_(loader), context_(context), clock_(context.clock), probe_(context.metrics),
      loaders_(load_threads, "load") {}

Registry::~Registry() { Close(); }

void Registry::Move(Entry& entry, ModelState to) {
  if (!MayMove(entry.state, to)) {
    log::Error("illegal move of a model from {} to {}; this is a defect", ModelStateName(entry.state),
               ModelStateName(to));
    std::terminate();
  }
  entry.state = to;
}

void Registry::Load(const std::string& name, Ready done) {
  Result<DeploymentPtr> answer;
  {
    const MutexLock lock(mu_);
    if (closed_) {
      answer = Fail(Code::kUnavailable, kStopping);
    } else {
      Entry& entry = entries_[name];
      if (entry.state == ModelState::kAbsent || entry.state == ModelState::kFailed) {
        Move(entry, ModelState::kLoading);
        entry.load_started = clock_.Now();
        loaders_.Submit([this, name] { RunLoad(name); });
      }
      if (entry.state == ModelState::kLoading) {
        entry.waiters.push_back({Deadline::Never(), std::move(done)});
        return;
      }
      if (entry.state == ModelState::kReady) {
        answer = entry.deployment;
      } else {
        answer = Fail(Code::kConflict, fmt::format("model '{}' is being unloaded", name));
      }
    }
  }
  done(std::move(answer));
}

void Registry::WhenReady(const std::string& name, Deadline deadline, Ready done) {
  Result<DeploymentPtr> answer;
  {
    const MutexLock lock(mu_);
    const auto found = entries_.find(name);
    if (closed_) {
      answer = Fail(Code::kUnavailable, kStopping);  // a load that is under way will not tell its waiters
    } else if (found == entries_.end() || found->second.state == ModelState::kAbsent) {
      answer = std::unexpected(NotFound(name));
    } else {
      Entry& entry = found->second;
      switch (entry.state) {
        case ModelState::kReady: answer = entry.deployment; break;
        case ModelState::kLoading:
          entry.waiters.push_back({deadline, std::move(done)});
          context_.note_deadline(deadline);
          return;
        case ModelState::kFailed:
          answer = Fail(Code::kUnavailable, fmt::format("model '{}' failed to load: {}", name, entry.error.message));
          break;
        case ModelState::kAbsent:
        case ModelState::kDraining:
          answer = Fail(Code::kUnavailable, fmt::format("model '{}' is being unloaded", name));
          break;
      }
    }
  }
  done(std::move(answer));
}

Error Registry::NotFound(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& [known, entry] : entries_) names.push_back(known);
  return {Code::kNotFound, fmt::format("there is no model '{}'{}", name, DidYouMean(name, names)), "model"};
}

void Registry::RunLoad(const std::string& name) {
  {
    const MutexLock lock(mu_);
    if (closed_) return;  // Close answered the waiters
  }
  log::Info("model {}: loading", name);
  Result<DeploymentPtr> built = BuildAndProve(name);
  ReturnFreedMemory();
  FinishLoad(name, std::move(built));
}

Result<Registry::DeploymentPtr> Registry::BuildAndProve(const std::string& name) {
  try {
    Result<std::shared_ptr<const Servable>> servable = loader_.Load(name);
    if (!servable) return Forward(servable);
    Status warm = (*servable)->WarmUp();
    if (!warm) {
      warm.error().message = "its first run failed: " + warm.error().message;
      return Forward(warm);
    }
    return std::make_shared<Deployment>(name, std::move(*servable), options_, context_);
  } catch (const std::exception& e) {
    return Fail(Code::kInternal, e.what());
  }
}

void Registry::FinishLoad(const std::string& name, Result<DeploymentPtr> built) {
  std::vector<Waiter> waiters;
  Duration time{};
  {
    const MutexLock lock(mu_);
    if (closed_) return;
    Entry& entry = entries_[name];
    time = clock_.Now() - entry.load_started;
    waiters.swap(entry.waiters);
    Move(entry, built ? ModelState::kReady : ModelState::kFailed);
    if (built) {
      entry.deployment = *built;
    } else {
      entry.error = built.error();
    }
  }
  probe_.Ready(name, built.has_value());
  if (built) {
    probe_.Loaded(name, time);
    log::Info("model {}: ready in {:.2f} s ({})", name, Seconds(time), (*built)->servable()->task());
  } else {
    probe_.Failed(name);
    log::Error("model {}: not served: {}", name, built.error().message);
  }
  for (Waiter& waiter : waiters) waiter.done(built);
}

Status Registry::Unload(const std::string& name, Deadline deadline) {
  DeploymentPtr deployment;
  {
    const MutexLock lock(mu_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return std::unexpected(NotFound(name));
    if (found->second.state != ModelState::kReady) {
      return Fail(Code::kConflict,
                  fmt::format("model '{}' is {}, not ready", name, ModelStateName(found->second.state)));
    }
    Move(found->second, ModelState::kDraining);
    deployment = found->second.deployment;
  }
  deployment->Drain(deadline, {});
  {
    const MutexLock lock(mu_);
    Entry& entry = entries_[name];
    Move(entry, ModelState::kAbsent);
    entry.deployment = nullptr;
  }
  probe_.Ready(name, false);
  log::Info("model {}: unloaded", name);
  return {};
}

std::vector<ModelStatus> Registry::States() const {
  std::vector<ModelStatus> states;
  const MutexLock lock(mu_);
  for (const auto& [name, entry] : entries_) {
    ModelStatus status{.name = name, .state = entry.state};
    if (entry.state == ModelState::kFailed) status.reason = entry.error.message;
    if (entry.deployment) status.task = entry.deployment->servable()->task();
    states.push_back(std::move(status));
  }
  return states;
}

TimePoint Registry::Expire(TimePoint now) {
  struct Late {
    Ready done;
    Error error;
  };
  std::vector<Late> late;
  TimePoint next = TimePoint::max();
  {
    const MutexLock lock(mu_);
    for (auto& [name, entry] : entries_) {
      for (Waiter& waiter : entry.waiters) {
        if (!waiter.deadline.Expired(now)) {
          next = std::min(next, waiter.deadline.at());
          continue;
        }
        late.push_back({std::move(waiter.done),
                        {Code::kUnavailable, fmt::format("model '{}' is still loading, {:.1f} s so far", name,
                                                         Seconds(now - entry.load_started))}});
      }
      std::erase_if(entry.waiters, [now](const Waiter& waiter) { return waiter.deadline.Expired(now); });
    }
  }
  for (Late& one : late) one.done(std::unexpected(std::move(one.error)));
  for (const DeploymentPtr& deployment : Deployments()) next = std::min(next, deployment->Expire(now));
  return next;
}

std::vector<Registry::DeploymentPtr> Registry::Deployments() const {
  std::vector<DeploymentPtr> deployments;
  const MutexLock lock(mu_);
  for (const auto& [name, entry] : entries_) {
    if (entry.deployment) deployments.push_back(entry.deployment);
  }
  return deployments;
}

void Registry::Close() {
  std::vector<Waiter> waiters;
  {
    const MutexLock lock(mu_);
    closed_ = true;
    for (auto& [name, entry] : entries_) {
      std::ranges::move(entry.waiters, std::back_inserter(waiters));
      entry.waiters.clear();
    }
  }
  for (Waiter& waiter : waiters) waiter.done(Fail(Code::kUnavailable, kStopping));
  for (const DeploymentPtr& deployment : Deployments()) deployment->Close();
}

bool Registry::Drain(Deadline deadline, const std::stop_token& hurry) {
  bool all = true;
  for (const DeploymentPtr& deployment : Deployments()) all = deployment->Drain(deadline, hurry) && all;
  return all;
}

}  // namespace weir
