// Models come and go at random while others use them: every request has one answer, and the counts add up.
#include <random>

#include "base/log.h"
#include "engine/engine.h"
#include "engine/fake_servable.h"

namespace weir {
namespace {

using std::chrono::milliseconds;

constexpr int kModels = 5;

// How long it goes on: WEIR_CHURN_SECONDS (`make soak` has it last ten minutes).
TimePoint EndOfChurn() {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  constexpr int kSeconds = 30;
#else
  constexpr int kSeconds = 2;
#endif
  const char* asked = std::getenv("WEIR_CHURN_SECONDS");
  return Clock::Steady().Now() + std::chrono::seconds(asked != nullptr ? std::stoi(asked) : kSeconds);
}

class ChurnTest : public ::testing::Test {
 protected:
  ChurnTest() {
    log::SetLevel("off");
    for (int i = 0; i < kModels; ++i) engine_.Declare(Name(i));
  }
  ~ChurnTest() override { log::SetLevel("info"); }

  static std::string Name(int number) { return "m" + std::to_string(number); }

  // Every call leads to one answer; which ones are allowed is written here.
  void Answered(const std::optional<Error>& error) {
    if (error && error->code != Code::kUnavailable && error->code != Code::kResourceExhausted &&
        error->code != Code::kDeadlineExceeded && error->code != Code::kCancelled) {
      ++strange_;
      ADD_FAILURE() << CodeName(error->code) << ": " << error->message;
    }
    ++answered_;
    answered_.notify_all();
  }

  void Infer(const std::string& model, std::mt19937& random) {
    ++asked_;
    std::stop_source stop;
    const bool hasty = random() % 8 == 0;
    const Duration time = hasty ? milliseconds(random() % 3) : milliseconds(20'000);
    engine_.Submit(
        model, {.deadline = Deadline::After(Clock::Steady(), time), .stop = stop.get_token()},
        [this](const Result<Output>& output) { Answered(output ? std::nullopt : std::optional(output.error())); });
    if (random() % 16 == 0) stop.request_stop();
  }

  // For who asks for a load: he hears why it failed.
  Registry::Ready CountReady() {
    ++asked_;
    return [this](const Result<Registry::DeploymentPtr>& ready) {
      const bool failed = !ready && ready.error().code == Code::kUnprocessable;
      Answered(ready || failed ? std::nullopt : std::optional(ready.error()));
    };
  }

  // So many threads that each make `call` of a random model, again and again. A caller does not run away from the
  // answers: so many requests at most are under way.
  template <typename Call>
  void Start(int threads, Call call) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, call, seed = threads_.size()] {
        std::mt19937 random(static_cast<unsigned>(seed));
        for (int n = 0; Clock::Steady().Now() < end_; ++n) {
          call(Name(static_cast<int>(random() % kModels)), random);
          if (asked_ - answered_ > 2000) answered_.wait(answered_);  // as many as callers could have under way
          if (n % 16 == 0) std::this_thread::yield();
        }
      });
    }
  }

  const TimePoint end_ = EndOfChurn();
  std::atomic<int> asked_ = 0;
  std::atomic<int> answered_ = 0;
  std::atomic<int> strange_ = 0;
  std::atomic<int> loads_ = 0;
  std::shared_ptr<FakeRuns> runs_ = std::make_shared<FakeRuns>();
  FakeLoader loader_{[this](const std::string&) -> Result<std::shared_ptr<const Servable>> {
    if (++loads_ % 10 == 0) return Fail(Code::kUnprocessable, "this load fails");
    return std::make_shared<FakeServable>(runs_);
  }};
  Metrics metrics_;
  Engine engine_{{.deployment = {.workers = 2, .admission = {.max_jobs = 64}},
                  .load = {.pause = Duration::zero(), .back_off = Duration::zero()},
                  .on_demand = true,
                  .slots = 2},
                 loader_,
                 Clock::Steady(),
                 metrics_};
  std::vector<std::jthread> threads_;
};

TEST_F(ChurnTest, EveryRequestIsAnsweredOnceWhileModelsComeAndGo) {
  Start(4, [this](const std::string& model, std::mt19937& random) { Infer(model, random); });
  Start(2, [this](const std::string& model, std::mt19937&) { engine_.Load(model, Deadline::Never(), CountReady()); });
  Start(1, [this](const std::string& model, std::mt19937&) { engine_.Reload(model, Deadline::Never(), CountReady()); });
  Start(1, [this](const std::string& model, std::mt19937& random) {
    ++asked_;
    const Deadline deadline = Deadline::After(Clock::Steady(), milliseconds(random() % 5));
    engine_.Unload(model, deadline,
                   [this](const Status& done) { Answered(done ? std::nullopt : std::optional(done.error())); });
  });
  Start(1, [this](const std::string& model, std::mt19937&) { EXPECT_TRUE(engine_.Cancel(model)); });
  Start(1, [this](const std::string& model, std::mt19937&) { EXPECT_TRUE(engine_.StateOf(model)); });
  threads_.clear();
  while (answered_ < asked_) std::this_thread::yield();  // the test's own time limit ends it when one is lost
  EXPECT_EQ(answered_, asked_);
  EXPECT_EQ(strange_, 0);
  for (const ModelStatus& model : engine_.States()) EXPECT_EQ(model.serving.jobs, 0U) << model.name;
}

TEST_F(ChurnTest, AnEngineThatEndsInTheMiddleAnswersEverybody) {
  {
    Engine engine({.on_demand = true, .slots = 2}, loader_, Clock::Steady(), metrics_);
    for (int i = 0; i < kModels; ++i) engine.Declare(Name(i));
    for (int n = 0; n < 200; ++n) {
      ++asked_;
      engine.Submit(Name(n % kModels), {}, [this](const Result<Output>& output) {
        Answered(output ? std::nullopt : std::optional(output.error()));
      });
      if (n % 50 == 0) engine.Reload(Name(n % kModels), Deadline::Never(), CountReady());
    }
  }
  EXPECT_EQ(answered_, asked_);
}

}  // namespace
}  // namespace weir
