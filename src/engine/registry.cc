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

Registry::Registry(const RegistryOptions& options, ServableLoader& loader, const DeploymentContext& context)
    : options_(options), loader_(loader), context_(context), clock_(context.clock), probe_(context.metrics),
      unloaders_(2, "unload"), loaders_(options.load_threads, "load") {}

Registry::~Registry() {
  Close();
  for (const DeploymentPtr& deployment : Deployments()) deployment->StopHard();
  {
    Answers dropped;
    const MutexLock lock(mu_);
    for (auto& [name, entry] : entries_) dropped.Drop(std::move(entry.deployment));
  }
  const MutexLock lock(mu_);
  gone_.Wait(mu_, [this]() REQUIRES(mu_) { return deployments_ == 0; });
}

void Registry::Move(Entry& entry, ModelState to) {
  if (!MayMove(entry.state, to)) {
    log::Error("illegal move of a model from {} to {}; this is a defect", ModelStateName(entry.state),
               ModelStateName(to));
    std::terminate();
  }
  entry.state = to;
}

void Registry::Declare(const std::string& name) {
  const MutexLock lock(mu_);
  entries_.try_emplace(name);
}

void Registry::Begin(const std::string& name, Entry& entry) {
  const bool beside = entry.state == ModelState::kReady;
  if (!beside) Move(entry, ModelState::kLoading);
  entry.wanted = true;
  entry.load = std::make_shared<ModelLoad>(name, clock_.Now(), beside);
  loaders_.Submit([this, load = entry.load] { RunLoad(load); });
  context_.note_deadline(Deadline(entry.load->started() + options_.load.timeout));
}

void Registry::Wait(Entry& entry, Waiter waiter) {
  context_.note_deadline(waiter.deadline);
  entry.waiters.push_back(std::move(waiter));
}

void Registry::GiveUp(const std::string& name, Entry& entry, const Error& why, Answers& answers) {
  if (entry.load) {
    entry.load->GiveUp();
    entry.tries = entry.load->tries();
    entry.load = nullptr;
    ++entry.counts.cancelled;
    probe_.Cancelled(name);
  }
  answers.AddAll(entry.waiters, std::unexpected(why));
}

void Registry::Load(const std::string& name, Deadline deadline, Ready done) {
  Answers answers;
  const MutexLock lock(mu_);
  if (closed_) return answers.Add(std::move(done), Fail(Code::kUnavailable, kStopping));
  Entry& entry = entries_[name];
  entry.wanted = true;
  switch (entry.state) {
    case ModelState::kReady: return answers.Add(std::move(done), entry.deployment);
    case ModelState::kAbsent:
    case ModelState::kFailed: Begin(name, entry); break;
    case ModelState::kLoading: break;
    case ModelState::kDraining: break;  // begins when that is over
  }
  Wait(entry, {deadline, std::move(done), false});
}

void Registry::Reload(const std::string& name, Deadline deadline, Ready done) {
  Answers answers;
  const MutexLock lock(mu_);
  if (closed_) return answers.Add(std::move(done), Fail(Code::kUnavailable, kStopping));
  const auto found = entries_.find(name);
  if (found == entries_.end()) return answers.Add(std::move(done), std::unexpected(NotFound(name)));
  Entry& entry = found->second;
  entry.wanted = true;
  if (!entry.load && entry.state != ModelState::kDraining) Begin(name, entry);
  Wait(entry, {deadline, std::move(done), false});
}

Result<bool> Registry::Cancel(const std::string& name) {
  Answers answers;
  const MutexLock lock(mu_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return std::unexpected(NotFound(name));
  Entry& entry = found->second;
  if (!entry.load && entry.waiters.empty()) return false;
  GiveUp(name, entry, {Code::kUnavailable, fmt::format("the loading of model '{}' was cancelled", name)}, answers);
  if (entry.state == ModelState::kLoading) Move(entry, ModelState::kAbsent);
  if (entry.state == ModelState::kDraining) entry.wanted = false;
  return true;
}

void Registry::Unload(const std::string& name, Deadline deadline, Done done) {
  Answers answers;
  const Error unloaded{Code::kUnavailable, fmt::format("model '{}' is being unloaded", name)};
  const MutexLock lock(mu_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return answers.Add(std::move(done), Status(std::unexpected(NotFound(name))));
  Entry& entry = found->second;
  entry.wanted = false;
  entry.failed = false;
  GiveUp(name, entry, unloaded, answers);
  if (entry.state == ModelState::kReady) {
    Move(entry, ModelState::kDraining);
    probe_.Ready(name, false);
    entry.deployment->Close();
    unloaders_.Submit([this, name, deadline, draining = entry.deployment]() mutable {
      draining->Drain(deadline, {});
      draining = nullptr;
      FinishUnload(name);
    });
  }
  if (entry.state == ModelState::kDraining) return entry.unloaders.push_back(std::move(done));
  if (entry.state != ModelState::kAbsent) Move(entry, ModelState::kAbsent);
  answers.Add(std::move(done), Status());
}

Status Registry::Change(const std::string& name, const DeploymentChanges& changes) {
  const MutexLock lock(mu_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return std::unexpected(NotFound(name));
  DeploymentChanges& kept = found->second.changes;
  if (changes.workers) kept.workers = changes.workers;
  if (changes.max_jobs) kept.max_jobs = changes.max_jobs;
  if (changes.max_bytes) kept.max_bytes = changes.max_bytes;
  if (found->second.deployment) found->second.deployment->Change(changes);
  return {};
}

void Registry::Remove(const std::string& name, Deadline deadline) {
  Unload(name, deadline, [this, name](const Status&) {
    const MutexLock lock(mu_);
    const auto found = entries_.find(name);
    const bool idle = found != entries_.end() && found->second.state == ModelState::kAbsent && !found->second.wanted;
    if (idle) entries_.erase(found);  // unless somebody has asked for it since
  });
}

void Registry::FinishUnload(const std::string& name) {
  Answers answers;
  const MutexLock lock(mu_);
  Entry& entry = entries_[name];
  Move(entry, ModelState::kAbsent);
  answers.Drop(std::move(entry.deployment));
  entry.deployment = nullptr;
  ++entry.counts.unloads;
  log::Info("model {}: unloaded", name);
  if (entry.wanted && !closed_) Begin(name, entry);
  answers.AddAll(entry.unloaders);
}

bool Registry::MayBeginForRequest(const Entry& entry) const {
  if (!entry.wanted) return false;
  if (entry.state == ModelState::kAbsent) return options_.on_demand;
  return entry.state == ModelState::kFailed && clock_.Now() >= entry.failed_at + options_.load.back_off;
}

void Registry::WhenReady(const std::string& name, Deadline deadline, Ready done) {
  Result<DeploymentPtr> answer;
  {
    const MutexLock lock(mu_);
    const auto found = entries_.find(name);
    if (closed_) {
      answer = Fail(Code::kUnavailable, kStopping);  // a load that is under way will not tell its waiters
    } else if (found == entries_.end()) {
      answer = std::unexpected(NotFound(name));
    } else {
      Entry& entry = found->second;
      if (MayBeginForRequest(entry)) Begin(name, entry);
      const bool comes = entry.state == ModelState::kLoading || (entry.state == ModelState::kDraining && entry.wanted);
      if (comes) return Wait(entry, {deadline, std::move(done), true});
      answer = entry.state == ModelState::kReady ? entry.deployment : WhyNot(name, entry);
    }
  }
  done(std::move(answer));
}

Result<Registry::DeploymentPtr> Registry::WhyNot(const std::string& name, const Entry& entry) const {
  if (entry.state == ModelState::kFailed) {
    Error error{Code::kUnavailable, fmt::format("model '{}' failed to load: {}", name, entry.error.message)};
    const Duration left = entry.failed_at + options_.load.back_off - clock_.Now();
    error.retry_after = std::chrono::ceil<std::chrono::milliseconds>(std::max(left, Duration::zero()));
    return std::unexpected(std::move(error));
  }
  if (entry.state == ModelState::kDraining) {
    return Fail(Code::kUnavailable, fmt::format("model '{}' is being unloaded", name));
  }
  return Fail(Code::kUnavailable, fmt::format("model '{}' is not loaded", name));
}

Error Registry::NotFound(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& [known, entry] : entries_) names.push_back(known);
  return {Code::kNotFound, fmt::format("there is no model '{}'{}", name, DidYouMean(name, names)), "model"};
}

void Registry::RunLoad(const std::shared_ptr<ModelLoad>& load) {
  log::Info("model {}: {}", load->name(), load->beside() ? "loading beside the one that serves" : "loading");
  Result<DeploymentPtr> built;
  if (auto servable = load->Run(loader_, options_.load, clock_); !servable) {
    built = Forward(servable);
  } else {
    try {
      built = Deploy(load->name(), std::move(*servable));
    } catch (const std::exception& e) {
      built = Fail(Code::kInternal, e.what());
    }
  }
  FinishLoad(*load, std::move(built));
  ReturnFreedMemory();
}

// Whoever lets go of it last, be it a job on a run thread, it is taken down by the unloaders' threads.
Registry::DeploymentPtr Registry::Deploy(const std::string& name, std::shared_ptr<const Servable> servable) {
  auto made = std::make_unique<Deployment>(name, std::move(servable), options_.deployment, context_);
  {
    const MutexLock lock(mu_);
    ++deployments_;
  }
  return {made.release(), [this](Deployment* deployment) {
            unloaders_.Submit([this, deployment] {
              delete deployment;
              ReturnFreedMemory();
              const MutexLock lock(mu_);
              if (--deployments_ == 0) gone_.NotifyAll();
            });
          }};
}

void Registry::Publish(Entry& entry, const ModelLoad& load, const DeploymentPtr& deployment) {
  if (entry.deployment) {
    std::erase_if(replaced_, [](const auto& one) { return one.expired(); });
    replaced_.push_back(entry.deployment);
    ++entry.counts.reloads;
  }
  if (entry.state == ModelState::kLoading) Move(entry, ModelState::kReady);
  entry.deployment = deployment;
  deployment->Change(entry.changes);
  entry.steps = load.steps();
  entry.load_time = clock_.Now() - load.started();
  entry.failed = false;
  ++entry.counts.loads;
}

void Registry::FinishLoad(ModelLoad& load, Result<DeploymentPtr> built) {
  const std::string& name = load.name();
  Answers answers;
  const MutexLock lock(mu_);
  const auto found = entries_.find(name);
  if (closed_ || found == entries_.end() || found->second.load.get() != &load) {
    if (built) answers.Drop(std::move(*built));  // it was given up: whatever it made is dropped
    return;
  }
  Entry& entry = found->second;
  entry.load = nullptr;
  entry.tries = load.tries();
  if (built) {
    answers.AddAll(entry.waiters, built);
    answers.Drop(entry.deployment);
    Publish(entry, load, *built);
    probe_.Loaded(name, entry.load_time, load.beside());
    log::Info("model {}: ready in {:.2f} s ({})", name, Seconds(entry.load_time), (*built)->servable()->task());
  } else {
    entry.error = built.error();
    entry.failed = true;
    entry.failed_at = clock_.Now();
    ++entry.counts.failed;
    if (!load.beside()) Move(entry, ModelState::kFailed);
    for (Waiter& waiter : entry.waiters) {
      answers.Add(std::move(waiter.done), waiter.is_request ? WhyNot(name, entry) : built);
    }
    entry.waiters.clear();
    probe_.Failed(name);
    log::Error("model {}: {}: {}", name, load.beside() ? "not replaced, the one before serves on" : "not served",
               built.error().message);
  }
  probe_.Ready(name, entry.state == ModelState::kReady);
}

ModelStatus Registry::StatusOf(const std::string& name, const Entry& entry) const {
  ModelStatus status{.name = name, .state = entry.state};
  if (entry.failed) status.reason = entry.error.message;
  status.loading = entry.load != nullptr;
  if (entry.load) status.loading_for = clock_.Now() - entry.load->started();
  status.tries = entry.load ? entry.load->tries() : entry.tries;
  status.waiting = entry.waiters.size();
  status.counts = entry.counts;
  status.load_time = entry.load_time;
  status.steps = entry.steps;
  if (entry.deployment) {
    status.task = entry.deployment->servable()->task();
    status.weight_bytes = entry.deployment->servable()->manifest().weight_bytes;
    status.serving = entry.deployment->status();
  }
  return status;
}

std::vector<ModelStatus> Registry::States() const {
  std::vector<ModelStatus> states;
  const MutexLock lock(mu_);
  for (const auto& [name, entry] : entries_) states.push_back(StatusOf(name, entry));
  return states;
}

Result<ModelStatus> Registry::StateOf(const std::string& name) const {
  const MutexLock lock(mu_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return std::unexpected(NotFound(name));
  return StatusOf(name, found->second);
}

TimePoint Registry::Expire(TimePoint now) {
  TimePoint next = TimePoint::max();
  {
    Answers answers;
    const MutexLock lock(mu_);
    for (auto& [name, entry] : entries_) {
      if (entry.load) {
        const Deadline end(entry.load->started() + options_.load.timeout);
        if (end.Expired(now)) {
          EndLate(name, entry, answers);
        } else {
          next = std::min(next, end.at());
        }
      }
      for (Waiter& waiter : entry.waiters) {
        if (!waiter.deadline.Expired(now)) {
          next = std::min(next, waiter.deadline.at());
          continue;
        }
        const Duration so_far = entry.load ? now - entry.load->started() : Duration::zero();
        answers.Add(std::move(waiter.done),
                    Fail(Code::kUnavailable,
                         fmt::format("model '{}' is still loading, {:.1f} s so far", name, Seconds(so_far))));
      }
      std::erase_if(entry.waiters, [now](const Waiter& waiter) { return waiter.deadline.Expired(now); });
    }
  }
  for (const DeploymentPtr& deployment : Deployments()) next = std::min(next, deployment->Expire(now));
  return next;
}

void Registry::EndLate(const std::string& name, Entry& entry, Answers& answers) {
  const bool beside = entry.load->beside();
  entry.error = {Code::kUnavailable,
                 fmt::format("loading took longer than {:.0f} s and was given up", Seconds(options_.load.timeout))};
  entry.failed = true;
  entry.failed_at = clock_.Now();
  GiveUp(name, entry, {Code::kUnavailable, fmt::format("model '{}': {}", name, entry.error.message)}, answers);
  if (!beside) Move(entry, ModelState::kFailed);
  log::Error("model {}: {}", name, entry.error.message);
}

std::vector<Registry::DeploymentPtr> Registry::Deployments() const {
  std::vector<DeploymentPtr> deployments;
  const MutexLock lock(mu_);
  for (const auto& [name, entry] : entries_) {
    if (entry.deployment) deployments.push_back(entry.deployment);
  }
  for (const std::weak_ptr<Deployment>& one : replaced_) {
    if (DeploymentPtr alive = one.lock()) deployments.push_back(std::move(alive));
  }
  return deployments;
}

void Registry::Close() {
  {
    Answers answers;
    const MutexLock lock(mu_);
    closed_ = true;
    for (auto& [name, entry] : entries_) {
      if (entry.load) entry.load->GiveUp();
      answers.AddAll(entry.waiters, Fail(Code::kUnavailable, kStopping));
    }
  }
  for (const DeploymentPtr& deployment : Deployments()) deployment->Close();
}

bool Registry::Drain(Deadline deadline, const std::stop_token& hurry) {
  bool all = true;
  for (const DeploymentPtr& deployment : Deployments()) all = deployment->Drain(deadline, hurry) && all;
  return all;
}

}  // namespace weir
