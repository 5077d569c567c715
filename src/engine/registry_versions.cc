// The versions of a model: which one a request gets, which come and go, and what is told of them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/nearest.h"
#include "engine/registry_answers.h"

namespace weir {

Registry::Model& Registry::ModelOf(std::string_view name) {
  const auto found = models_.find(name);
  if (found != models_.end()) return found->second;
  Model& model = models_[std::string(name)];
  model.name = name;
  model.plan.on_demand = options_.on_demand;
  model.load = options_.load;
  model.serving = options_.deployment;
  EntryOf(model, 0);
  return model;
}

// A version that comes is wanted unless the whole model was unloaded.
Registry::Entry& Registry::EntryOf(Model& model, VersionNumber version) {
  const bool wanted =
      model.versions.empty() || std::ranges::any_of(model.versions, [](const auto& one) { return one.second.wanted; });
  const auto [place, fresh] = model.versions.try_emplace(version);
  Entry& entry = place->second;
  if (fresh) {
    entry.name = model.name;
    entry.version = version;
    entry.key = ReferenceOf(model.name, version);
    entry.wanted = wanted;
  }
  return entry;
}

void Registry::Declare(const std::string& name) {
  const MutexLock lock(mu_);
  ModelOf(name);
}

void Registry::Declare(const std::string& name, ModelPlan plan) {
  Answers answers;
  const MutexLock lock(mu_);
  Model& model = ModelOf(name);
  model.plan = std::move(plan);
  if (model.plan.cache_bytes) model.serving.cache_bytes = *model.plan.cache_bytes;
  for (const VersionNumber version : model.plan.served) EntryOf(model, version);
  Settle(model, answers);
}

Result<Registry::Found> Registry::Find(std::string_view reference) {
  if (const auto model = models_.find(reference); model != models_.end()) return Found{&model->second, nullptr};
  const ModelReference parts = ParseReference(reference);
  const auto model = models_.find(parts.name);
  if (model == models_.end()) return std::unexpected(NotFound(parts.name));
  auto& versions = model->second.versions;
  auto version = versions.find(*parts.version);
  if (version == versions.end() && *parts.version == 1) version = versions.find(0);
  if (version != versions.end()) return Found{&model->second, &version->second};
  std::vector<std::string> others;
  for (const auto& [number, entry] : versions) others.push_back(VersionText(number));
  return std::unexpected(
      Error{Code::kNotFound,
            fmt::format("model '{}' has no version {} that is served; it has {}", parts.name, *parts.version,
                        others.empty() ? "none" : fmt::to_string(fmt::join(others, ", "))),
            "model"});
}

Registry::Entry* Registry::FindEntry(std::string_view reference) {
  const ModelReference parts = ParseReference(reference);
  const auto model = models_.find(parts.name);
  if (model == models_.end()) return nullptr;
  const auto version = model->second.versions.find(parts.version.value_or(0));
  return version == model->second.versions.end() ? nullptr : &version->second;
}

std::vector<Registry::Entry*> Registry::AllOf(const Found& found) {
  if (found.entry != nullptr) return {found.entry};
  std::vector<Entry*> entries;
  for (auto& [number, entry] : found.model->versions) entries.push_back(&entry);
  return entries;
}

std::vector<Registry::Entry*> Registry::ServedOf(const Found& found) {
  std::vector<Entry*> entries = AllOf(found);
  if (found.entry == nullptr) std::erase_if(entries, [&](Entry* entry) { return !IsServed(*found.model, *entry); });
  return entries;
}

bool Registry::IsServed(const Model& model, const Entry& entry) {
  return std::ranges::find(model.plan.served, entry.version) != model.plan.served.end();
}

bool Registry::IsReady(const Model& model) {
  return std::ranges::any_of(model.versions, [](const auto& one) { return one.second.state == ModelState::kReady; });
}

// For a request that names no version: the newest that serves, unless a newer one is only waiting to be asked for. When
// none serves: one that comes, or could be tried, or can at least say why not. Null when there is none.
const Registry::Entry* Registry::Choose(const Model& model) const {
  const Entry* comes = nullptr;
  const Entry* failed = nullptr;
  const Entry* first = nullptr;
  for (const bool served : {true, false}) {
    for (const auto& [number, entry] : model.versions) {
      if (IsServed(model, entry) != served) continue;
      if (entry.state == ModelState::kReady) return &entry;
      if (first == nullptr) first = &entry;
      if (comes == nullptr && Comes(entry)) comes = &entry;
      if (comes != nullptr || !served || !MayBeginForRequest(model, entry)) continue;
      if (entry.state == ModelState::kAbsent) return &entry;
      if (failed == nullptr) failed = &entry;
    }
  }
  return comes != nullptr ? comes : failed != nullptr ? failed : first;
}

Registry::Entry* Registry::Choose(Model& model) { return const_cast<Entry*>(Choose(std::as_const(model))); }

// Who waits for a version that has failed, and would take another, gets that: one that serves, that comes, or the one
// before, which stands in.
void Registry::PassOn(Model& model, Entry& failed, Answers& answers) {
  std::vector<Waiter> waiters;
  for (Waiter& waiter : failed.waiters) {
    if (waiter.any_version) waiters.push_back(std::move(waiter));
  }
  std::erase_if(failed.waiters, [](const Waiter& waiter) { return waiter.any_version; });
  const auto put_back = [&](Waiter& waiter) { failed.waiters.push_back(std::move(waiter)); };
  if (IsReady(model)) {  // who asked for the load itself hears how that ended
    for (Waiter& waiter : waiters) {
      if (!waiter.is_request) {
        put_back(waiter);
      } else {
        answers.Add(std::move(waiter.done), Choose(model)->deployment);
      }
    }
    return;
  }
  Entry* const other = closed_ || !failed.wanted ? nullptr : Substitute(model, failed);
  for (Waiter& waiter : waiters) {
    if (other == nullptr) {
      put_back(waiter);
    } else {
      other->waiters.push_back(std::move(waiter));
    }
  }
}

Registry::Entry* Registry::Substitute(Model& model, const Entry& failed) {
  for (auto& [number, entry] : model.versions) {
    if (Comes(entry)) return &entry;
  }
  if (!model.load.fallback) return nullptr;
  for (const VersionNumber version : model.plan.present) {
    if (version >= failed.version) continue;
    Entry& entry = EntryOf(model, version);
    if (entry.state != ModelState::kAbsent || !entry.wanted) continue;
    log::Warn("model {}: version {} stands in for {}", model.name, VersionText(version), VersionText(failed.version));
    Begin(entry);
    return &entry;
  }
  return nullptr;
}

// Versions that are not served go once the newest one that is serves; until then one may stand in.
void Registry::Settle(Model& model, Answers& answers) {
  const auto newest = model.plan.served.empty() ? model.versions.end() : model.versions.find(model.plan.served.front());
  const bool serves = newest != model.versions.end() && newest->second.state == ModelState::kReady;
  for (auto place = model.versions.begin(); place != model.versions.end();) {
    Entry& entry = place->second;
    const bool busy = entry.state == ModelState::kReady || entry.state == ModelState::kLoading;
    if (IsServed(model, entry) || entry.state == ModelState::kDraining || (busy && !serves)) {
      ++place;
      continue;
    }
    CancelLoad(model, entry, {Code::kUnavailable, fmt::format("model '{}' is not served any more", entry.key)},
               answers);
    if (entry.state == ModelState::kReady) {
      LetGo(entry, answers);
      ++model.counts.unloads;
      log::Info("model {}: version {} has taken its place", entry.key, VersionText(newest->first));
    }
    place = model.versions.erase(place);
  }
}

Error Registry::NotFound(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& [known, model] : models_) names.push_back(known);
  return {Code::kNotFound, fmt::format("there is no model '{}'{}", name, DidYouMean(name, names)), "model"};
}

Error Registry::NoneServed(const Model& model) {
  std::vector<std::string> present;
  for (const VersionNumber version : model.plan.present) present.push_back(VersionText(version));
  return {Code::kUnavailable,
          fmt::format("none of the versions of model '{}' is to be served; there {}", model.name,
                      present.empty() ? "is none" : fmt::format("are {}", fmt::join(present, ", ")))};
}

VersionStatus Registry::VersionStatusOf(const Model& model, const Entry& entry) const {
  VersionStatus status{.version = entry.version, .state = entry.state};
  if (entry.failed) status.reason = entry.error.message;
  status.served = IsServed(model, entry);
  status.offered = entry.state == ModelState::kReady || Comes(entry) || MayBeginForRequest(model, entry);
  return status;
}

// `entry` null: what a request that names no version gets.
ModelStatus Registry::StatusOf(const Model& model, const Entry* entry) const {
  const Entry* const chosen = entry != nullptr ? entry : Choose(model);
  ModelStatus status{.name = model.name};
  status.counts = model.counts;
  status.on_demand = model.plan.on_demand;
  status.load_limits = model.load;
  status.serving = BoundsOf(model.serving);
  for (const auto& [number, one] : model.versions) {
    status.versions.push_back(VersionStatusOf(model, one));
    if (entry != nullptr && entry != &one) continue;
    status.waiting += one.waiters.size();
    if (!one.load || status.loading) continue;
    status.loading = true;
    status.loading_for = clock_.Now() - one.load->started();
    status.tries = one.load->tries();
  }
  if (chosen == nullptr) {
    status.reason = NoneServed(model).message;
    return status;
  }
  status.version = chosen->version;
  status.totals = chosen->totals->Take();
  status.state = chosen->state;
  if (chosen->failed) {
    status.reason = chosen->error.message;
    status.failure = chosen->error.code;
  }
  if (!status.loading) status.tries = chosen->tries;
  status.load_time = chosen->load_time;
  status.steps = chosen->steps;
  if (chosen->deployment) {
    status.task = chosen->deployment->servable()->task();
    status.memory_bytes = chosen->memory ? chosen->memory->bytes() : 0;
    status.device = chosen->device;
    status.weight_bytes = chosen->deployment->servable()->manifest().weight_bytes;
    status.serving = chosen->deployment->status();
  }
  for (const std::weak_ptr<Deployment>& one : replaced_) {
    const DeploymentPtr before = one.lock();
    if (!before || before->name() != chosen->key) continue;
    const DeploymentStatus finishing = before->status();
    status.serving.jobs += finishing.jobs;
    status.serving.queued += finishing.queued;
    status.serving.running += finishing.running;
  }
  if (chosen->state == ModelState::kReady && !chosen->on_cpu_because.empty()) {
    status.fallback_used = true;
    if (status.reason.empty()) status.reason = "it runs on the CPU: " + chosen->on_cpu_because;
  }
  if (entry != nullptr || chosen->state != ModelState::kReady || model.plan.served.empty()) return status;
  const auto newest = model.versions.find(model.plan.served.front());
  if (newest == model.versions.end() || &newest->second == chosen || !newest->second.failed) return status;
  status.fallback_used = true;
  status.tries = newest->second.tries;
  status.reason = fmt::format("version {} stands in for version {}: {}", VersionText(chosen->version),
                              VersionText(newest->first), newest->second.error.message);
  return status;
}

std::vector<ModelStatus> Registry::States() const {
  std::vector<ModelStatus> states;
  const MutexLock lock(mu_);
  for (const auto& [name, model] : models_) states.push_back(StatusOf(model, nullptr));
  return states;
}

Result<ModelStatus> Registry::StateOf(const std::string& reference) const {
  const MutexLock lock(mu_);
  const Result<Found> found = const_cast<Registry*>(this)->Find(reference);
  if (!found) return std::unexpected(found.error());
  return StatusOf(*found->model, found->entry);
}

}  // namespace weir
