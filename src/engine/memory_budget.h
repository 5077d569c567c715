// What models hold of the memory that they may hold.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "engine/load_plan.h"

namespace weir {

// Bytes that the files of models take in memory, each counted once however many models hold it. A file counts with what
// LoadPlan predicts, until a load of it has been measured. Owned by the Registry. Thread-safe.
class MemoryBudget {
 public:
  // One model's hold on its files; given back with the last copy of the pointer. Outlived by the budget.
  class Share {
   public:
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    // What its files count, those too that others hold.
    std::uint64_t bytes() const;

   private:
    friend class MemoryBudget;
    Share(MemoryBudget& budget, std::vector<FileIdentity> files, std::vector<FileIdentity> fresh)
        : budget_(budget), files_(std::move(files)), fresh_(std::move(fresh)) {}

    MemoryBudget& budget_;
    const std::vector<FileIdentity> files_;
    const std::vector<FileIdentity> fresh_;  // that nobody held before
  };
  using SharePtr = std::shared_ptr<Share>;

  // `limit` 0: no bound; it is counted all the same. `resident`: the memory of the process.
  using Resident = std::function<std::uint64_t()>;
  MemoryBudget(std::uint64_t limit, Resident resident) : limit_(limit), resident_(std::move(resident)) {}

  // Null when it does not fit.
  SharePtr Take(std::span<const LoadFile> files);
  // Whether it would fit if these were given back.
  bool FitsWithout(std::span<const LoadFile> files, std::span<const SharePtr> gone) const;
  // "needs about 91 MiB, 12 MiB of memory.budget 100 MiB are free".
  std::string WhyNot(std::span<const LoadFile> files) const;
  std::uint64_t used() const;

  // Who looks for room does so alone, in the order of asking: what has been given back for one is not another's.
  class Turn {
   public:
    // Blocks until it is its turn, or a stop.
    Turn(MemoryBudget& budget, const std::stop_token& stop);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    MemoryBudget& budget_;
    std::uint64_t ticket_ = 0;
  };

  // Blocks until something has changed that had not by `seen`, or a stop. `changes` is what to pass.
  void AwaitChange(std::uint64_t seen, const std::stop_token& stop);
  std::uint64_t changes() const;
  // Something else has changed that decides who could leave.
  void NoteChange();

  // Around what fills the memory of a share: how the process grows meanwhile is what its fresh files count from then
  // on, now and when they are loaded again. Growth cannot be told from that of another load, or from what a model gives
  // back, so a measurement that overlaps with either does not count.
  class Measurement {
   public:
    explicit Measurement(MemoryBudget& budget);
    ~Measurement();
    Measurement(const Measurement&) = delete;
    Measurement& operator=(const Measurement&) = delete;
    void Keep(const Share& share);

   private:
    MemoryBudget& budget_;
    std::uint64_t disturbances_ = 0;
    std::uint64_t resident_ = 0;
    bool alone_ = false;
  };
  // What Measurement calls: these files have made the process grow by so much.
  void Learn(const Share& share, std::uint64_t bytes);

 private:
  struct Held {
    std::uint64_t predicted = 0;
    std::uint64_t bytes = 0;  // as it counts
    std::size_t holders = 0;
  };

  std::uint64_t PredictionOf(const LoadFile& file) const REQUIRES(mu_);
  // Of those that nobody holds, but for `gone`.
  std::uint64_t NeedOf(std::span<const LoadFile> files, std::span<const SharePtr> gone) const REQUIRES(mu_);
  std::uint64_t UsedWithout(std::span<const SharePtr> gone) const REQUIRES(mu_);
  void Release(const Share& share);

  const std::uint64_t limit_;
  const Resident resident_;

  mutable Mutex mu_;
  CondVar changed_;
  std::set<std::uint64_t> turns_ GUARDED_BY(mu_);  // tickets of those who look for room; the first may
  std::uint64_t tickets_ GUARDED_BY(mu_) = 0;
  std::map<FileIdentity, Held> held_ GUARDED_BY(mu_);
  std::map<FileIdentity, std::uint64_t> learned_ GUARDED_BY(mu_);
  std::uint64_t changes_ GUARDED_BY(mu_) = 0;
  std::uint64_t disturbances_ GUARDED_BY(mu_) = 0;  // of measurements: they begin, end, or memory is given back
  std::size_t measuring_ GUARDED_BY(mu_) = 0;
};

}  // namespace weir
