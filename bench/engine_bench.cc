// The engine alone, around a model that does nothing: what queueing, waking and answering cost.
#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "engine/engine.h"

namespace weir {
namespace {

constexpr std::string_view kName = "null";

// Runs wait while it is shut.
class Gate {
 public:
  void Shut() { open_.store(false); }
  void Open() {
    open_.store(true);
    open_.notify_all();
  }
  void Pass() const { open_.wait(false); }

 private:
  std::atomic<bool> open_ = true;
};
Gate gate;

// Answers each job with the job's own inputs.
class NullRunner final : public Runner {
 public:
  std::vector<Result<std::vector<Tensor>>> Run(std::span<const JobPtr> batch, const std::stop_token&) override {
    gate.Pass();
    std::vector<Result<std::vector<Tensor>>> results;
    results.reserve(batch.size());
    for (const JobPtr& job : batch) results.emplace_back(std::move(job->request.inputs));
    return results;
  }
};

class NullServable final : public Servable {
 public:
  const Manifest& manifest() const override { return manifest_; }
  std::string_view task() const override { return "tensor"; }
  std::size_t max_batch() const override { return 32; }
  std::unique_ptr<Runner> NewRunner() const override { return std::make_unique<NullRunner>(); }
  Status WarmUp() const override { return {}; }

 private:
  const Manifest manifest_{.platform = "null", .inputs = {{"X", DataType::kFp32, {-1}}}, .outputs = {}};
};

class NullLoader final : public ServableLoader {
 public:
  Result<std::shared_ptr<const Servable>> Load(const std::string&) override {
    return std::make_shared<const NullServable>();
  }
};

// An engine with two workers and the null model, ready.
class NullEngine {
 public:
  explicit NullEngine(bool short_cut = false, std::size_t max_jobs = AdmissionLimits().max_jobs,
                      std::uint64_t cache_bytes = 0)
      : engine_(Options(short_cut, max_jobs, cache_bytes), loader_, Clock::Steady(), metrics_) {
    log::SetLevel("warn");
    if (!engine_.LoadAndWait(name_)) std::abort();
  }

  Engine& engine() { return engine_; }
  const std::string& name() const { return name_; }

  // `group` 0 makes jobs that run alone, another value ones that may share a run.
  JobRequest NewJob(std::uint64_t group) const {
    // A method of the servable's own keeps the cost that is given here.
    JobRequest job{.method = group == 0 ? 0U : 1U,
                   .deadline = Deadline::After(Clock::Steady(), std::chrono::seconds(30))};
    job.inputs.push_back(input_);
    job.cost = {.length = 1, .group = group, .bytes = input_.bytes()};
    return job;
  }

 private:
  static EngineOptions Options(bool short_cut, std::size_t max_jobs, std::uint64_t cache_bytes) {
    EngineOptions options;
    options.deployment.workers = 2;
    options.deployment.short_cut = short_cut;
    options.deployment.admission.max_jobs = max_jobs;
    options.deployment.cache_bytes = cache_bytes;
    options.deployment.batch.mode = BatchMode::kAlways;
    options.slots = 2;
    return options;
  }

  const std::string name_{kName};
  const std::array<float, 4> values_{1, 2, 3, 4};
  const Tensor input_ = Tensor::Wrap(DataType::kFp32, {4}, nullptr, values_.data());
  NullLoader loader_;
  Metrics metrics_;
  Engine engine_;
};

// Counts the jobs under way; lets one thread wait until there is room.
class Window {
 public:
  void Enter(std::size_t most) {
    std::unique_lock lock(mu_);
    room_.wait(lock, [&] { return open_ < most; });
    ++open_;
  }
  void Leave() {
    // Notified under the lock: the waiter may destroy this as soon as it has it.
    const std::scoped_lock lock(mu_);
    --open_;
    room_.notify_one();
  }
  void WaitEmpty() {
    std::unique_lock lock(mu_);
    room_.wait(lock, [&] { return open_ == 0; });
  }

 private:
  std::mutex mu_;
  std::condition_variable room_;
  std::size_t open_ = 0;
};

void Expect(benchmark::State& state, std::uint64_t failed) {
  if (failed > 0) state.SkipWithError("jobs failed");
}

// One job after the other, each waited for: the two wake-ups and everything between them.
void BM_EngineOneByOne(benchmark::State& state) {
  NullEngine null;
  std::uint64_t failed = 0;
  for (auto _ : state) failed += null.engine().Run(null.name(), null.NewJob(0)) ? 0 : 1;
  Expect(state, failed);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_EngineOneByOne)->UseRealTime()->Unit(benchmark::kMicrosecond);

// The same where it is: no worker is woken.
void BM_EngineOneByOneShortCut(benchmark::State& state) {
  NullEngine null(true);
  std::uint64_t failed = 0;
  for (auto _ : state) failed += null.engine().Run(null.name(), null.NewJob(0)) ? 0 : 1;
  Expect(state, failed);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_EngineOneByOneShortCut)->UseRealTime()->Unit(benchmark::kMicrosecond);

// So many jobs under way all the time, run by two workers; `batched`: they may share runs, of up to 32.
void BM_EngineWindow(benchmark::State& state) {
  const auto kOpen = static_cast<std::size_t>(state.range(1));
  Window window;
  std::atomic<std::uint64_t> failed = 0;
  NullEngine null;  // after what its callbacks use
  for (auto _ : state) {
    window.Enter(kOpen);
    null.engine().Submit(null.name(), null.NewJob(static_cast<std::uint64_t>(state.range(0))),
                         [&](const Result<Output>& output) {
                           failed += output ? 0 : 1;
                           window.Leave();
                         });
  }
  window.WaitEmpty();
  Expect(state, failed);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_EngineWindow)
    ->ArgNames({"batched", "open"})
    ->ArgsProduct({{0, 1}, {64, 250}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

// Finding the model by name, getting a permit and giving it back: what a request pays before its job exists.
void BM_LookUpAndPermit(benchmark::State& state) {
  NullEngine null;
  const Deadline deadline = Deadline::After(Clock::Steady(), std::chrono::seconds(600));
  std::uint64_t failed = 0;
  for (auto _ : state) {
    null.engine().WhenReady(null.name(), deadline, [&](const Result<Registry::DeploymentPtr>& ready) {
      failed += ready && (*ready)->Admit({.bytes = 16}, deadline) ? 0 : 1;
    });
  }
  Expect(state, failed);
}
BENCHMARK(BM_LookUpAndPermit)->Unit(benchmark::kMicrosecond);

// Finding the model by name alone, by so many threads at once.
void BM_LookUp(benchmark::State& state) {
  static std::unique_ptr<NullEngine> null;
  if (state.thread_index() == 0) null = std::make_unique<NullEngine>();
  const Deadline deadline = Deadline::Never();
  std::uint64_t failed = 0;
  for (auto _ : state) {  // the threads start and end the loop together
    null->engine().WhenReady(null->name(), deadline,
                             [&](const Result<Registry::DeploymentPtr>& ready) { failed += ready ? 0 : 1; });
  }
  Expect(state, failed);
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) null = nullptr;
}
BENCHMARK(BM_LookUp)->ThreadRange(1, 8)->UseRealTime()->Unit(benchmark::kMicrosecond);

// Look-up, permit and push, while both workers are held, so that nothing is woken; of 128 jobs in each turn.
void BM_Submit(benchmark::State& state) {
  constexpr std::size_t kJobs = 128;
  Window window;
  std::atomic<std::uint64_t> failed = 0;
  NullEngine null;
  const auto submit = [&] {
    window.Enter(SIZE_MAX);
    null.engine().Submit(null.name(), null.NewJob(0), [&](const Result<Output>& output) {
      failed += output ? 0 : 1;
      window.Leave();
    });
  };
  for (auto _ : state) {
    gate.Shut();
    for (int worker = 0; worker < 2; ++worker) submit();
    const TimePoint start = Clock::Steady().Now();
    for (std::size_t i = 0; i < kJobs; ++i) submit();
    state.SetIterationTime(Seconds(Clock::Steady().Now() - start));
    gate.Open();
    window.WaitEmpty();
  }
  Expect(state, failed);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kJobs));
}
BENCHMARK(BM_Submit)->UseManualTime()->Unit(benchmark::kMicrosecond);

// A request that finds the model's line full: its whole way to the refusal, on one thread.
void BM_Refuse(benchmark::State& state) {
  Window window;
  std::uint64_t wrong = 0;
  NullEngine null(false, 1);
  gate.Shut();
  window.Enter(1);
  null.engine().Submit(null.name(), null.NewJob(0), [&](const Result<Output>&) { window.Leave(); });
  for (auto _ : state) {
    null.engine().Submit(null.name(), null.NewJob(0), [&](const Result<Output>& output) {
      wrong += !output && output.error().code == Code::kResourceExhausted ? 0 : 1;
    });
  }
  gate.Open();
  window.WaitEmpty();
  Expect(state, wrong);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Refuse)->Unit(benchmark::kMicrosecond);

// A text of so many tokens whose answer is in the cache, among 1,000 others: permit, look-up, answer; on so many
// threads.
void BM_CacheHit(benchmark::State& state) {
  constexpr std::int64_t kTexts = 1000;
  static std::unique_ptr<NullEngine> null;
  static std::vector<Tensor> texts;
  static Registry::DeploymentPtr model;
  const auto ask = [&](std::size_t text) {
    JobRequest job{.method = 1};
    job.inputs = {texts[text], texts[text]};
    job.cost = {.length = 1, .group = 1, .bytes = 64};
    Result<Permit> permit = model->Admit({.bytes = 64}, job.deadline);
    if (!permit) std::abort();
    return std::pair(std::move(job), std::move(*permit));
  };
  if (state.thread_index() == 0) {
    null = std::make_unique<NullEngine>(false, AdmissionLimits().max_jobs, 64 << 20);
    null->engine().WhenReady(null->name(), Deadline::Never(),
                             [&](Result<Registry::DeploymentPtr> ready) { model = std::move(*ready); });
    texts.clear();
    for (std::int64_t i = 0; i < kTexts; ++i) {
      texts.push_back(Tensor::Uninitialised(DataType::kInt64, {state.range(0)}));
      std::ranges::fill(texts.back().Mutable<std::int64_t>(), i);
      std::atomic<bool> done = false;
      auto [job, permit] = ask(static_cast<std::size_t>(i));
      model->Submit(std::move(job), std::move(permit), [&](const Result<Output>&) {
        done = true;
        done.notify_one();
      });
      done.wait(false);
    }
  }
  std::size_t next = static_cast<std::size_t>(state.thread_index()) * 37;
  std::uint64_t missed = 0;
  for (auto _ : state) {
    auto [job, permit] = ask(next++ % static_cast<std::size_t>(kTexts));
    model->Submit(std::move(job), std::move(permit),
                  [&](const Result<Output>& output) { missed += output && output->cached ? 0 : 1; });
  }
  Expect(state, missed);
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) {
    model = nullptr;
    null = nullptr;
  }
}
BENCHMARK(BM_CacheHit)
    ->ArgName("tokens")
    ->Arg(16)
    ->Arg(128)
    ->Arg(512)
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace weir
