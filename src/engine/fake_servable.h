// A servable whose runs tests control, and a loader for it.
#pragma once

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <semaphore>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "engine/servable.h"

namespace weir {

// What the runners of one FakeServable share with the test. Thread-safe.
struct FakeRuns {
  // Called by the worker for each batch, before it answers. Set before the servable is used.
  std::function<void(std::span<const JobPtr>, const std::stop_token&)> on_run = [](auto, const auto&) {};
  std::atomic<int> runs = 0;
  std::atomic<int> jobs = 0;
};

// Holds a worker inside a run until the test opens it.
class Gate {
 public:
  void Enter() {
    entered_.release();
    open_.acquire();
    open_.release();
  }
  void AwaitEntered() { entered_.acquire(); }
  void Open() { open_.release(); }

 private:
  std::counting_semaphore<> entered_{0};
  std::counting_semaphore<> open_{0};
};

// Answers each job with its own inputs. Its jobs may be batched when their cost has a group.
class FakeServable final : public Servable {
 public:
  explicit FakeServable(std::shared_ptr<FakeRuns> runs) : runs_(std::move(runs)) {}

  const Manifest& manifest() const override { return manifest_; }
  std::string_view task() const override { return "fake"; }
  std::size_t max_batch() const override { return 32; }
  Status WarmUp() const override { return {}; }
  std::unique_ptr<Runner> NewRunner() const override {
    class FakeRunner final : public Runner {
     public:
      explicit FakeRunner(std::shared_ptr<FakeRuns> runs) : runs_(std::move(runs)) {}
      std::vector<Result<std::vector<Tensor>>> Run(std::span<const JobPtr> batch,
                                                   const std::stop_token& stop) override {
        ++runs_->runs;
        runs_->jobs += static_cast<int>(batch.size());
        runs_->on_run(batch, stop);
        std::vector<Result<std::vector<Tensor>>> results;
        for (const JobPtr& job : batch) {
          if (stop.stop_requested()) {
            results.emplace_back(Fail(Code::kCancelled, "stopped"));
          } else {
            results.emplace_back(job->request.inputs);
          }
        }
        return results;
      }

     private:
      const std::shared_ptr<FakeRuns> runs_;
    };
    return std::make_unique<FakeRunner>(runs_);
  }

 private:
  const std::shared_ptr<FakeRuns> runs_;
  Manifest manifest_;
};

// Calls `on_load` for each load: the test counts, blocks or fails there. Thread-safe as far as `on_load` is.
class FakeLoader final : public ServableLoader {
 public:
  using OnLoad = std::function<Result<std::shared_ptr<const Servable>>(const std::string&)>;

  explicit FakeLoader(OnLoad on_load) : on_load_(std::move(on_load)) {}
  Result<std::shared_ptr<const Servable>> Load(const std::string& name) override { return on_load_(name); }

 private:
  const OnLoad on_load_;
};

}  // namespace weir
