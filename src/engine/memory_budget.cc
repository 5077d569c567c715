#include "engine/memory_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/memory.h"

namespace weir {
namespace {

// "91 MiB", "1.5 MiB", "12 KiB".
std::string Size(std::uint64_t bytes) {
  const double mib = static_cast<double>(bytes) / (1 << 20);
  if (mib >= 10 || bytes == 0) return fmt::format("{:.0f} MiB", mib);
  return mib >= 1 ? fmt::format("{:.1f} MiB", mib) : fmt::format("{} KiB", (bytes + 1023) / 1024);
}

}  // namespace

MemoryBudget::Share::~Share() { budget_.Release(*this); }

std::uint64_t MemoryBudget::Share::bytes() const {
  const MutexLock lock(budget_.mu_);
  std::uint64_t bytes = 0;
  for (const FileIdentity& file : files_) bytes += budget_.held_.at(file).bytes;
  return bytes;
}

std::uint64_t MemoryBudget::PredictionOf(const LoadFile& file) const {
  const auto learned = learned_.find(file.identity);
  return learned == learned_.end() ? file.bytes : learned->second;
}

// How many of `gone` hold it decides whether it goes with them.
std::uint64_t MemoryBudget::UsedWithout(std::span<const SharePtr> gone) const {
  std::map<FileIdentity, std::size_t> leaving;
  for (const SharePtr& share : gone) {
    for (const FileIdentity& file : share->files_) ++leaving[file];
  }
  std::uint64_t used = 0;
  for (const auto& [file, held] : held_) {
    const auto found = leaving.find(file);
    if (found == leaving.end() || found->second < held.holders) used += held.bytes;
  }
  return used;
}

std::uint64_t MemoryBudget::NeedOf(std::span<const LoadFile> files, std::span<const SharePtr> gone) const {
  std::uint64_t need = 0;
  for (const LoadFile& file : files) {
    const auto held = held_.find(file.identity);
    std::size_t others = held == held_.end() ? 0 : held->second.holders;
    for (const SharePtr& share : gone)
      others -= static_cast<std::size_t>(std::ranges::count(share->files_, file.identity));
    if (others == 0) need += PredictionOf(file);
  }
  return need;
}

MemoryBudget::SharePtr MemoryBudget::Take(std::span<const LoadFile> files) {
  const MutexLock lock(mu_);
  if (limit_ != 0 && UsedWithout({}) + NeedOf(files, {}) > limit_) return nullptr;
  std::vector<FileIdentity> all;
  std::vector<FileIdentity> fresh;
  for (const LoadFile& file : files) {
    Held& held = held_[file.identity];
    if (held.holders++ == 0) {
      held.predicted = file.bytes;
      held.bytes = PredictionOf(file);
      fresh.push_back(file.identity);
    }
    all.push_back(file.identity);
  }
  return SharePtr(new Share(*this, std::move(all), std::move(fresh)));
}

bool MemoryBudget::FitsWithout(std::span<const LoadFile> files, std::span<const SharePtr> gone) const {
  const MutexLock lock(mu_);
  return limit_ == 0 || UsedWithout(gone) + NeedOf(files, gone) <= limit_;
}

std::string MemoryBudget::WhyNot(std::span<const LoadFile> files) const {
  const MutexLock lock(mu_);
  const std::uint64_t used = UsedWithout({});
  return fmt::format("needs about {}, {} of memory.budget {} are free", Size(NeedOf(files, {})),
                     Size(limit_ > used ? limit_ - used : 0), Size(limit_));
}

std::uint64_t MemoryBudget::used() const {
  const MutexLock lock(mu_);
  return UsedWithout({});
}

void MemoryBudget::Release(const Share& share) {
  const MutexLock lock(mu_);
  for (const FileIdentity& file : share.files_) {
    const auto held = held_.find(file);
    if (--held->second.holders == 0) held_.erase(held);
  }
  ++disturbances_;
  ++changes_;
  changed_.NotifyAll();
}

std::uint64_t MemoryBudget::changes() const {
  const MutexLock lock(mu_);
  return changes_;
}

void MemoryBudget::NoteChange() {
  const MutexLock lock(mu_);
  ++changes_;
  changed_.NotifyAll();
}

void MemoryBudget::AwaitChange(std::uint64_t seen, const std::stop_token& stop) {
  const MutexLock lock(mu_);
  changed_.Wait(mu_, stop, [this, seen]() REQUIRES(mu_) { return changes_ != seen; });
}

MemoryBudget::Turn::Turn(MemoryBudget& budget, const std::stop_token& stop) : budget_(budget) {
  const MutexLock lock(budget_.mu_);
  ticket_ = budget_.tickets_++;
  budget_.turns_.insert(ticket_);
  budget_.changed_.Wait(budget_.mu_, stop,
                        [this]() REQUIRES(budget_.mu_) { return *budget_.turns_.begin() == ticket_; });
}

MemoryBudget::Turn::~Turn() {
  const MutexLock lock(budget_.mu_);
  budget_.turns_.erase(ticket_);
  budget_.changed_.NotifyAll();
}

MemoryBudget::Measurement::Measurement(MemoryBudget& budget) : budget_(budget) {
  const MutexLock lock(budget_.mu_);
  disturbances_ = ++budget_.disturbances_;
  alone_ = budget_.measuring_++ == 0;
  resident_ = budget_.resident_();
}

MemoryBudget::Measurement::~Measurement() {
  const MutexLock lock(budget_.mu_);
  ++budget_.disturbances_;
  --budget_.measuring_;
}

void MemoryBudget::Measurement::Keep(const Share& share) {
  if (share.fresh_.empty()) return;
  ReturnFreedMemory();
  const std::uint64_t now = budget_.resident_();
  {
    const MutexLock lock(budget_.mu_);
    if (!alone_ || budget_.disturbances_ != disturbances_) return;
  }
  budget_.Learn(share, now > resident_ ? now - resident_ : 0);
}

// What was measured is split as it was predicted. Memory that the process had to spare, and weights that are mapped and
// have not been touched, do not show: a file never counts less than an eighth of its prediction.
void MemoryBudget::Learn(const Share& share, std::uint64_t bytes) {
  const MutexLock lock(mu_);
  std::uint64_t predicted = 0;
  for (const FileIdentity& file : share.fresh_) predicted += held_.at(file).predicted;
  if (predicted == 0) return;
  const double ratio = std::max(static_cast<double>(bytes) / static_cast<double>(predicted), 0.125);
  for (const FileIdentity& file : share.fresh_) {
    Held& held = held_.at(file);
    held.bytes = static_cast<std::uint64_t>(static_cast<double>(held.predicted) * ratio);
    learned_[file] = held.bytes;
  }
}

}  // namespace weir
