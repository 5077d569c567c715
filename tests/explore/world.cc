#include "explore/world.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/thread.h"

namespace weir::explore {
namespace {

using std::chrono::seconds;

constexpr char kModel[] = "m";
constexpr int kWorkers = 2;
constexpr Duration kDrainTime = seconds(5);
constexpr Duration kJobTime = seconds(10);
constexpr Duration kLater = seconds(11);
constexpr Duration kLoadTime = seconds(300);

Scheduler& Turns() { return Scheduler::Get(); }
void Must(bool holds, const std::string& what) {
  if (!holds) Turns().Wrong(what);
}

// What the loads of one program made, in order of their numbers from 1. They are looked after from outside the
// registry: through the loader that it calls and through what it hands out.
struct Loads {
  int begun = 0;
  std::set<int> under_way;  // in the builder, or built and not published yet
  std::set<int> given_up;
  std::set<int> published;
  int serving = 0;    // 0: none
  int cancelled = 0;  // as the registry counts
  int alive = 0;      // servables that exist
  int running = 0;    // inferences
};

// Whoever looks at it knows the time from then on.
class WatchedClock final : public Clock {
 public:
  TimePoint Now() const override {
    const TimePoint now = clock_.Now();
    Turns().Saw(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    return now;
  }
  void Advance(Duration by) { clock_.Advance(by); }
  const Clock& quiet() const { return clock_; }

 private:
  FakeClock clock_;
};

class WatchedServable final : public Servable {
 public:
  WatchedServable(Loads& loads, int number, const Clock& clock) : loads_(loads), number_(number), clock_(clock) {
    ++loads_.alive;
  }
  ~WatchedServable() override { --loads_.alive; }

  int number() const { return number_; }
  const Manifest& manifest() const override { return manifest_; }
  std::string_view task() const override { return "watched"; }
  std::size_t max_batch() const override { return 1; }
  Status WarmUp() const override { return {}; }
  std::unique_ptr<Runner> NewRunner() const override {
    class WatchedRunner final : public Runner {
     public:
      explicit WatchedRunner(const WatchedServable& servable) : of_(servable) {}
      std::vector<Result<std::vector<Tensor>>> Run(std::span<const JobPtr> batch,
                                                   const std::stop_token& stop) override {
        for (const JobPtr& job : batch) {
          Must(!job->InVain(of_.clock_.Now()), "a job is run that was cancelled or late while it was queued");
        }
        Turns().Note(fmt::format("a job runs on what load {} made", of_.number_));
        Must(++of_.loads_.running <= kWorkers, "more jobs run at once than there are workers");
        Turns().Step();
        --of_.loads_.running;
        Turns().Note("it has run");
        std::vector<Result<std::vector<Tensor>>> results(batch.size());
        if (stop.stop_requested()) results.assign(batch.size(), Fail(Code::kCancelled, "stopped"));
        return results;
      }

     private:
      const WatchedServable& of_;
    };
    return std::make_unique<WatchedRunner>(*this);
  }

 private:
  Loads& loads_;
  const int number_;
  const Clock& clock_;
  Manifest manifest_;
};

class WatchedLoader final : public ServableLoader {
 public:
  WatchedLoader(Loads& loads, const Clock& clock, bool may_fail) : loads_(loads), clock_(clock), may_fail_(may_fail) {}

  Result<std::shared_ptr<const Servable>> Load(const std::string&) override {
    const int number = ++loads_.begun;
    Turns().Note(fmt::format("load {} begins", number));
    loads_.under_way.insert(number);
    Turns().Step();
    if (may_fail_ && Turns().Choose(2) == 1) {
      Turns().Note(fmt::format("load {} fails", number));
      loads_.under_way.erase(number);
      return Fail(Code::kUnprocessable, "model.onnx is broken");
    }
    Turns().Note(fmt::format("load {} has built the model", number));
    return std::make_shared<WatchedServable>(loads_, number, clock_);
  }

 private:
  Loads& loads_;
  const Clock& clock_;
  const bool may_fail_;
};

class World {
 public:
  explicit World(const Program& program)
      : program_(program), loader_(loads_, clock_, program.may_fail), backlog_(kWorkers), threads_(kWorkers, clock_),
        registry_({.deployment = {.workers = kWorkers, .short_cut = false},
                   .load = {.tries = 1, .timeout = kLoadTime},
                   .load_threads = 2,
                   .on_demand = true},
                  loader_,
                  {.clock = clock_,
                   .metrics = SharedMetrics(),
                   .threads = threads_,
                   .backlog = backlog_,
                   .costs = nullptr,
                   .note_deadline = [](Deadline) {}}) {
    registry_.Declare(kModel);
  }

  void Run();
  int alive() const { return loads_.alive; }

 private:
  // Made once: a family of counters costs more than a schedule.
  static Metrics& SharedMetrics() {
    static Metrics& metrics = *new Metrics;
    return metrics;
  }

  void Do(int caller, Call call);
  void Request(int caller);
  // Counts that a call is asked and, by what is returned, its one answer.
  std::move_only_function<void()> Asked(int caller, Call call);
  Registry::Ready CountReady(int caller, Call call);
  void HandedOut(const Registry::DeploymentPtr& deployment);
  void Watch();
  void AtTheEnd();
  Deadline After(Duration time) { return Deadline::After(clock_, time); }

  const Program& program_;
  WatchedClock clock_;
  Loads loads_;
  WatchedLoader loader_;
  int asked_ = 0;
  int answered_ = 0;
  std::vector<std::weak_ptr<Deployment>> seen_;
  std::stop_source last_job_[2];
  Backlog backlog_;
  RunThreads threads_;
  Registry registry_;
};

std::move_only_function<void()> World::Asked(int caller, Call call) {
  ++asked_;
  return [this, caller, call, times = 0]() mutable {
    Must(++times == 1, fmt::format("caller {} is answered twice: {}", caller + 1, CallName(call)));
    Turns().Note(fmt::format("caller {} has the answer: {}", caller + 1, CallName(call)));
    ++answered_;
  };
}

void World::HandedOut(const Registry::DeploymentPtr& deployment) {
  const int number = dynamic_cast<const WatchedServable&>(*deployment->servable()).number();
  Must(!loads_.given_up.contains(number), fmt::format("load {} was given up and is handed out", number));
  seen_.push_back(deployment);
}

Registry::Ready World::CountReady(int caller, Call call) {
  return [this, answered = Asked(caller, call)](const Result<Registry::DeploymentPtr>& ready) mutable {
    if (ready) HandedOut(*ready);
    answered();
  };
}

void World::Request(int caller) {
  last_job_[caller] = std::stop_source();
  const Deadline deadline = After(kJobTime);
  registry_.WhenReady(kModel, deadline,
                      [this, deadline, stop = last_job_[caller].get_token(),
                       answered = Asked(caller, Call::kRequest)](Result<Registry::DeploymentPtr> ready) mutable {
                        if (!ready) return answered();
                        HandedOut(*ready);
                        (*ready)->Offer({.deadline = deadline, .stop = stop},
                                        [answered = std::move(answered)](const Result<Output>& output) mutable {
                                          Must(output || output.error().code != Code::kInternal,
                                               "a job is dropped without an answer");
                                          answered();
                                        });
                      });
}

void World::Do(int caller, Call call) {
  Turns().Step();
  Turns().Note(fmt::format("caller {} calls {}", caller + 1, CallName(call)));
  switch (call) {
    case Call::kLoad: return registry_.Load(kModel, Deadline::Never(), CountReady(caller, call));
    case Call::kReload: return registry_.Reload(kModel, Deadline::Never(), CountReady(caller, call));
    case Call::kUnload:
      return registry_.Unload(kModel, After(kDrainTime),
                              [answered = Asked(caller, call)](const Status&) mutable { answered(); });
    case Call::kCancel: return Must(registry_.Cancel(kModel).has_value(), "cancelling does not know the model");
    case Call::kRequest: return Request(caller);
    case Call::kAbandon: last_job_[caller].request_stop(); return;
    case Call::kExpire: clock_.Advance(kLater); break;
    case Call::kTimeOut: clock_.Advance(kLoadTime + kLater); break;
  }
  registry_.Expire(clock_.Now());
}

// What the registry publishes, and what it says it gave up, against what its loader has seen.
void World::Watch() {
  const ModelStatus status = *registry_.StateOf(kModel);
  const int cancelled = static_cast<int>(status.counts.cancelled + status.counts.timed_out);
  const int before = loads_.serving;
  loads_.serving = 0;
  if (status.state == ModelState::kReady) {
    registry_.WhenReady(kModel, Deadline::Never(), [this](const Result<Registry::DeploymentPtr>& ready) {
      loads_.serving = dynamic_cast<const WatchedServable&>(*(*ready)->servable()).number();
    });
  }
  const int now = loads_.serving;
  Must(now == 0 || !loads_.given_up.contains(now), fmt::format("load {} was given up and is published", now));
  Must(now == 0 || now == before || loads_.published.insert(now).second,
       fmt::format("what load {} made was replaced and is published again", now));
  loads_.under_way.erase(now);
  if (std::exchange(loads_.cancelled, cancelled) < cancelled) {
    loads_.given_up.merge(loads_.under_way);
    loads_.under_way.clear();
  }
  Must(loads_.under_way.size() <= 1, "two loads of one model are under way");
}

void World::AtTheEnd() {
  Must(asked_ == answered_, fmt::format("{} of {} callers have no answer", asked_ - answered_, asked_));
  for (const auto& seen : seen_) {
    const Registry::DeploymentPtr deployment = seen.lock();
    Must(!deployment || deployment->status().jobs == 0, "a permit is out that nobody gives back");
  }
  const ModelStatus status = *registry_.StateOf(kModel);
  const bool rests = status.state != ModelState::kLoading && status.state != ModelState::kDraining;
  Must(rests && !status.loading && status.waiting == 0, "the model does not come to rest");
  const int expected = status.state == ModelState::kReady ? 1 : 0;
  Must(loads_.alive == expected, fmt::format("{} copies of the model are in memory, not {}", loads_.alive, expected));
}

void World::Run() {
  Turns().SetClock(&clock_.quiet());
  Turns().SetChoosing(false);
  if (program_.served) registry_.Load(kModel, Deadline::Never(), [](const auto&) {});
  Turns().AwaitQuiet();  // the pools' threads wait for something to do
  Turns().SetWatch([this] { Watch(); });
  Turns().SetChoosing(true);
  {
    std::vector<Thread> callers;
    for (const int caller : {0, 1}) {
      callers.emplace_back([this, caller] {
        for (const Call call : program_.callers[caller]) Do(caller, call);
      });
    }
    Turns().AwaitQuiet();
  }
  AtTheEnd();
  Turns().SetWatch(nullptr);
  Turns().SetChoosing(false);
}

}  // namespace

std::string_view CallName(Call call) {
  switch (call) {
    case Call::kLoad: return "load";
    case Call::kReload: return "reload";
    case Call::kUnload: return "unload";
    case Call::kCancel: return "cancel";
    case Call::kRequest: return "request";
    case Call::kAbandon: return "abandon";
    case Call::kExpire: return "expire";
    case Call::kTimeOut: return "time out";
  }
  return "";
}

std::string ProgramName(const Program& program) {
  std::string name = program.served ? "serving" : "absent";
  for (const auto& caller : program.callers) {
    name += " |";
    for (const Call call : caller) name += fmt::format(" {}", CallName(call));
  }
  return name;
}

void RunProgram(const Program& program) {
  auto world = std::make_unique<World>(program);
  world->Run();
  world = nullptr;
  Turns().SetClock(nullptr);
}

}  // namespace weir::explore
