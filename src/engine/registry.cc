#include "engine/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/log.h"
#include "engine/registry_answers.h"

namespace weir {
namespace {

// Of a load that goes on: when it ends is not known.
constexpr std::chrono::seconds kRetryLoading{1};
constexpr char kStopping[] = "the server is stopping";

}  // namespace

Registry::Registry(const RegistryOptions& options, ServableLoader& loader, const DeploymentContext& context)
    : options_(options), loader_(loader), context_(context), clock_(context.clock), probe_(context.metrics),
      memory_(options.memory_budget, options.resident), unloaders_(2, "unload"),
      loaders_(options.load_threads, "load", options.load_nice) {}

Registry::~Registry() {
  Close();
  for (const DeploymentPtr& deployment : Deployments()) deployment->StopHard();
  {
    Answers dropped;
    const MutexLock lock(mu_);
    for (auto& [name, model] : models_) {
      for (auto& [number, entry] : model.versions) dropped.Drop(std::move(entry.deployment));
    }
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

void Registry::Wait(Entry& entry, Waiter waiter) {
  context_.note_deadline(waiter.deadline);
  entry.waiters.push_back(std::move(waiter));
}

void Registry::GiveUp(Entry& entry, const Error& why, Answers& answers) {
  if (entry.load) {
    entry.load->GiveUp();
    LeaveBehind(*entry.load);
    Leaves(entry.load->room);
    entry.tries = entry.load->tries();
    entry.load = nullptr;
  }
  answers.AddAll(entry.waiters, std::unexpected(why));
}

void Registry::CancelLoad(Model& model, Entry& entry, const Error& why, Answers& answers) {
  if (entry.load) {
    ++model.counts.cancelled;
    probe_.Cancelled(model.name);
  }
  GiveUp(entry, why, answers);
}

void Registry::LoadOne(Entry& entry, std::optional<Waiter> waiter, Answers& answers) {
  entry.wanted = true;
  switch (entry.state) {
    case ModelState::kReady:
      if (waiter) answers.Add(std::move(waiter->done), entry.deployment);
      return;
    case ModelState::kAbsent:
    case ModelState::kFailed: Begin(entry); break;
    case ModelState::kLoading: break;
    case ModelState::kDraining: entry.asked_for = true; break;  // begins when that is over
  }
  if (waiter) Wait(entry, std::move(*waiter));
}

void Registry::Load(const std::string& reference, Deadline deadline, Ready done) {
  Answers answers;
  const MutexLock lock(mu_);
  if (closed_) return answers.Add(std::move(done), Fail(Code::kUnavailable, kStopping));
  if (!ParseReference(reference).version) ModelOf(reference);
  const Result<Found> found = Find(reference);
  if (!found) return answers.Add(std::move(done), std::unexpected(found.error()));
  const std::vector<Entry*> entries = ServedOf(*found);
  if (entries.empty()) return answers.Add(std::move(done), std::unexpected(NoneServed(*found->model)));
  std::optional<Waiter> waiter = Waiter{deadline, std::move(done), false, found->entry == nullptr};
  for (Entry* entry : entries) LoadOne(*entry, std::exchange(waiter, std::nullopt), answers);
}

void Registry::ReloadOne(Entry& entry, std::optional<Waiter> waiter) {
  entry.wanted = true;
  entry.asked_for = entry.state == ModelState::kDraining;
  if (!entry.load && entry.state != ModelState::kDraining) Begin(entry);
  if (waiter) Wait(entry, std::move(*waiter));
}

void Registry::Reload(const std::string& reference, Deadline deadline, Ready done) {
  Answers answers;
  const MutexLock lock(mu_);
  if (closed_) return answers.Add(std::move(done), Fail(Code::kUnavailable, kStopping));
  const Result<Found> found = Find(reference);
  if (!found) return answers.Add(std::move(done), std::unexpected(found.error()));
  const std::vector<Entry*> entries = ServedOf(*found);
  if (entries.empty()) return answers.Add(std::move(done), std::unexpected(NoneServed(*found->model)));
  std::optional<Waiter> waiter = Waiter{deadline, std::move(done), false, found->entry == nullptr};
  for (Entry* entry : entries) ReloadOne(*entry, std::exchange(waiter, std::nullopt));
}

bool Registry::CancelOne(Model& model, Entry& entry, Answers& answers) {
  if (!entry.load && entry.waiters.empty()) return false;
  CancelLoad(model, entry, {Code::kUnavailable, fmt::format("the loading of model '{}' was cancelled", entry.key)},
             answers);
  if (entry.state == ModelState::kLoading) Move(entry, ModelState::kAbsent);
  if (entry.state == ModelState::kDraining) entry.wanted = false;
  return true;
}

Result<bool> Registry::Cancel(const std::string& reference) {
  Answers answers;
  const MutexLock lock(mu_);
  const Result<Found> found = Find(reference);
  if (!found) return std::unexpected(found.error());
  bool any = false;
  for (Entry* entry : AllOf(*found)) any = CancelOne(*found->model, *entry, answers) || any;
  Settle(*found->model, answers);
  return any;
}

void Registry::UnloadOne(Model& model, Entry& entry, Deadline deadline, Done done, Answers& answers) {
  entry.wanted = false;
  entry.failed = false;
  CancelLoad(model, entry, {Code::kUnavailable, fmt::format("model '{}' is being unloaded", entry.key)}, answers);
  if (entry.state == ModelState::kReady) {
    Move(entry, ModelState::kDraining);
    probe_.Ready(model.name, IsReady(model));
    entry.deployment->Close();
    Leaves(entry.memory);
    entry.memory = nullptr;
    unloaders_.Grow();  // others must not wait for this one's jobs
    unloaders_.Submit([this, key = entry.key, deadline, draining = entry.deployment]() mutable {
      draining->Drain(deadline, {});
      draining = nullptr;
      FinishUnload(key);
      unloaders_.Shrink();
    });
  }
  if (entry.state == ModelState::kDraining) return entry.unloaders.push_back(std::move(done));
  if (entry.state != ModelState::kAbsent) Move(entry, ModelState::kAbsent);
  answers.Add(std::move(done), Status());
}

void Registry::Unload(const std::string& reference, Deadline deadline, Done done) {
  Answers answers;
  const MutexLock lock(mu_);
  const Result<Found> found = Find(reference);
  if (!found) return answers.Add(std::move(done), Status(std::unexpected(found.error())));
  const std::vector<Entry*> entries = AllOf(*found);
  struct Last {
    std::atomic<std::size_t> left;
    Done done;
  };
  const auto last = std::make_shared<Last>(entries.size(), std::move(done));
  if (entries.empty()) return answers.Add(std::move(last->done), Status());
  for (Entry* entry : entries) {
    const auto one_less = [last](const Status& status) {
      if (--last->left == 0) last->done(status);
    };
    UnloadOne(*found->model, *entry, deadline, one_less, answers);
  }
  Settle(*found->model, answers);
}

Status Registry::Change(const std::string& reference, const ModelChanges& changes) {
  const MutexLock lock(mu_);
  const Result<Found> found = Find(reference);
  if (!found) return std::unexpected(found.error());
  Apply(changes.load, found->model->load);
  Apply(changes.serving, found->model->serving);
  for (auto& [number, entry] : found->model->versions) {
    if (entry.deployment) entry.deployment->Change(changes.serving);
  }
  return {};
}

void Registry::Remove(const std::string& name, Deadline deadline) {
  Unload(name, deadline, [this, name](const Status&) {
    const MutexLock lock(mu_);
    const auto found = models_.find(name);
    if (found == models_.end()) return;
    const bool idle = std::ranges::all_of(found->second.versions, [](const auto& one) {
      return one.second.state == ModelState::kAbsent && !one.second.wanted;
    });
    if (idle) models_.erase(found);  // unless somebody has asked for it since
  });
}

void Registry::FinishUnload(const std::string& key) {
  Answers answers;
  const MutexLock lock(mu_);
  const Result<Found> found = Find(key);
  Model& model = *found->model;
  Entry& entry = *FindEntry(key);
  Move(entry, ModelState::kAbsent);
  answers.Drop(std::move(entry.deployment));
  entry.deployment = nullptr;
  const bool evicted = std::exchange(entry.evicting, nullptr) != nullptr;
  if (!evicted) ++model.counts.unloads;
  log::Info("model {}: unloaded", key);
  answers.AddAll(entry.unloaders);
  // What had to make room comes back when somebody waits for it.
  if (entry.wanted && !closed_ && (!evicted || entry.asked_for || !entry.waiters.empty())) return Begin(entry);
  Settle(model, answers);
}

// Whether a request for it need only wait.
bool Registry::Comes(const Entry& entry) const {
  return entry.state == ModelState::kLoading || (entry.state == ModelState::kDraining && entry.wanted);
}

bool Registry::MayBeginForRequest(const Model& model, const Entry& entry) const {
  if (!entry.wanted) return false;
  if (entry.state == ModelState::kAbsent) return model.plan.on_demand;
  return entry.state == ModelState::kFailed && clock_.Now() >= entry.failed_at + options_.load.back_off;
}

void Registry::WhenReady(const std::string& reference, Deadline deadline, Ready done) {
  Result<DeploymentPtr> answer;
  {
    const MutexLock lock(mu_);
    const Result<Found> found = Find(reference);
    Entry* const entry = !found ? nullptr : found->entry != nullptr ? found->entry : Choose(*found->model);
    if (closed_) {
      answer = Fail(Code::kUnavailable, kStopping);  // a load that is under way will not tell its waiters
    } else if (!found) {
      answer = std::unexpected(found.error());
    } else if (entry == nullptr) {
      answer = std::unexpected(NoneServed(*found->model));
    } else if (entry->state == ModelState::kReady) {
      answer = entry->deployment;
      if (found->model->plan.on_demand) entry->last_used = clock_.Now();
    } else {
      if (MayBeginForRequest(*found->model, *entry)) Begin(*entry);
      if (Comes(*entry)) return Wait(*entry, {deadline, std::move(done), true, found->entry == nullptr});
      answer = WhyNot(*entry);
    }
  }
  done(std::move(answer));
}

Registry::Outlook Registry::LookAhead(const std::string& reference) const {
  const MutexLock lock(mu_);
  const Result<Found> found = const_cast<Registry*>(this)->Find(reference);
  if (!found) return {};
  const Entry* const entry = found->entry != nullptr ? found->entry : Choose(std::as_const(*found->model));
  return {.ready = entry != nullptr && entry->state == ModelState::kReady,
          .max_deadline = found->model->serving.max_deadline};
}

Result<Registry::DeploymentPtr> Registry::WhyNot(const Entry& entry) const {
  if (entry.state == ModelState::kFailed) {
    Error error{Code::kUnavailable, fmt::format("model '{}' failed to load: {}", entry.key, entry.error.message)};
    const Duration left = entry.failed_at + options_.load.back_off - clock_.Now();
    error.retry_after = std::chrono::ceil<std::chrono::milliseconds>(std::max(left, Duration::zero()));
    return std::unexpected(std::move(error));
  }
  if (entry.state == ModelState::kDraining) {
    return Fail(Code::kUnavailable, fmt::format("model '{}' is being unloaded", entry.key));
  }
  return Fail(Code::kUnavailable, fmt::format("model '{}' is not loaded", entry.key));
}

TimePoint Registry::Expire(TimePoint now) {
  TimePoint next = TimePoint::max();
  {
    Answers answers;
    const MutexLock lock(mu_);
    for (auto& [name, model] : models_) {
      for (auto& [number, entry] : model.versions) next = std::min(next, ExpireOne(model, entry, now, answers));
      Settle(model, answers);
    }
  }
  for (const DeploymentPtr& deployment : Deployments()) next = std::min(next, deployment->Expire(now));
  return next;
}

TimePoint Registry::ExpireOne(Model& model, Entry& entry, TimePoint now, Answers& answers) {
  TimePoint next = TimePoint::max();
  if (entry.load) {
    const Deadline end = entry.load->end();
    if (end.Expired(now)) {
      EndLate(model, entry, answers);
    } else {
      next = end.at();
    }
  }
  for (Waiter& waiter : entry.waiters) {
    if (!waiter.deadline.Expired(now)) {
      next = std::min(next, waiter.deadline.at());
      continue;
    }
    const Duration so_far = entry.load ? now - entry.load->started() : Duration::zero();
    Error still{Code::kUnavailable,
                fmt::format("model '{}' is still loading, {:.1f} s so far", entry.key, Seconds(so_far))};
    still.retry_after = kRetryLoading;
    answers.Add(std::move(waiter.done), std::unexpected(std::move(still)));
  }
  std::erase_if(entry.waiters, [now](const Waiter& waiter) { return waiter.deadline.Expired(now); });
  return next;
}

std::vector<Registry::DeploymentPtr> Registry::Deployments() const {
  std::vector<DeploymentPtr> deployments;
  const MutexLock lock(mu_);
  for (const auto& [name, model] : models_) {
    for (const auto& [number, entry] : model.versions) {
      if (entry.deployment) deployments.push_back(entry.deployment);
    }
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
    for (auto& [name, model] : models_) {
      for (auto& [number, entry] : model.versions) {
        if (entry.load) entry.load->GiveUp();
        answers.AddAll(entry.waiters, Fail(Code::kUnavailable, kStopping));
      }
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
