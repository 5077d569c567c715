// How much work waits, over all models: what a newcomer's wait is predicted from.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace weir {

// Owned by the Engine. Thread-safe, lock-free.
class Backlog {
 public:
  // One model's part. Owned by its Deployment; the Backlog outlives it.
  class Share {
   public:
    explicit Share(Backlog& all) : all_(all) {}
    ~Share() { Set(0); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // Seconds of work that wait for this model, for the others to reckon with.
    void Set(double seconds);
    // How long new work of this model waits when `own` seconds of its work are before it and at most `workers` of its
    // jobs run at once: others' work counts, as far as fair turns let it go first.
    double PredictedWait(double own, std::size_t workers) const;

   private:
    Backlog& all_;
    std::atomic<std::int64_t> ns_ = 0;
  };

  // `slots`: runs at once, over all models.
  explicit Backlog(std::size_t slots) : slots_(slots) {}

 private:
  const std::size_t slots_;
  std::atomic<std::int64_t> ns_ = 0;     // of all shares
  std::atomic<std::size_t> models_ = 0;  // shares that have some
};

}  // namespace weir
