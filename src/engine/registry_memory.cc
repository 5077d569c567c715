// Room for models: who leaves when memory.budget does not suffice.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "engine/registry_answers.h"

namespace weir {

// On a loader's thread. Waits while something goes, or is about to be idle, whose room will do.
Result<MemoryBudget::SharePtr> Registry::MakeRoom(ModelLoad& load, const LoadPlan& plan) {
  if (plan.files.empty()) return nullptr;
  std::optional<MemoryBudget::Turn> turn;
  if (options_.memory_budget != 0) turn.emplace(memory_, load.stop());
  for (;;) {
    if (load.stop().stop_requested()) return Fail(Code::kCancelled, "the load was given up");
    const std::uint64_t seen = memory_.changes();
    {
      Answers answers;
      const MutexLock lock(mu_);
      if (MemoryBudget::SharePtr share = memory_.Take(plan.files)) {
        load.room = share;
        return share;
      }
      if (!Evict(load, plan, answers)) return Fail(Code::kUnavailable, memory_.WhyNot(plan.files));
    }
    memory_.AwaitChange(seen, load.stop());
  }
}

// Its room will be free without more being done.
void Registry::Leaves(std::weak_ptr<MemoryBudget::Share> share) {
  std::erase_if(leaving_, [](const auto& one) { return one.expired(); });
  leaving_.push_back(std::move(share));
}

// Has idle on-demand models go, the least recently used first, until the plan fits once all that goes has gone; or
// tells to wait for loads that are under way, whose models may go then. False, and nobody goes, when that would not do
// either.
bool Registry::Evict(const ModelLoad& load, const LoadPlan& plan, Answers& answers) {
  std::vector<MemoryBudget::SharePtr> gone;
  std::vector<MemoryBudget::SharePtr> coming;
  for (const auto& share : leaving_) {
    if (auto alive = share.lock()) gone.push_back(std::move(alive));
  }
  std::vector<std::pair<Model*, Entry*>> idle;
  for (auto& [name, model] : models_) {
    if (!model.plan.on_demand) continue;
    for (auto& [number, entry] : model.versions) {
      if (entry.key == load.name()) continue;
      if (auto room = entry.load ? entry.load->room.lock() : nullptr) coming.push_back(std::move(room));
      const bool ready = entry.state == ModelState::kReady && !entry.load && entry.memory;
      if (ready && entry.deployment->status().jobs == 0) idle.emplace_back(&model, &entry);
    }
  }
  std::ranges::sort(idle, {}, [](const auto& one) { return one.second->last_used; });
  std::size_t count = 0;
  while (count < idle.size() && !memory_.FitsWithout(plan.files, gone)) gone.push_back(idle[count++].second->memory);
  if (!memory_.FitsWithout(plan.files, gone)) {
    gone.insert(gone.end(), coming.begin(), coming.end());
    return memory_.FitsWithout(plan.files, gone);
  }
  for (std::size_t i = 0; i < count; ++i) EvictOne(*idle[i].first, *idle[i].second, answers);
  return true;
}

// Like an unload, but nobody who has it already is refused: it goes with the last of them. Who asks for it from now on
// waits until it has gone, and has it loaded again.
void Registry::EvictOne(Model& model, Entry& entry, Answers& answers) {
  log::Info("model {}: leaves, idle for {:.1f} s, to make room", entry.key, Seconds(clock_.Now() - entry.last_used));
  Move(entry, ModelState::kDraining);
  entry.evicting = entry.deployment.get();
  ++model.counts.evictions;
  probe_.Evicted(model.name);
  LetGo(entry, answers);
  probe_.Ready(model.name, IsReady(model));
}

}  // namespace weir
