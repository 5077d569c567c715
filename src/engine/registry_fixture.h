// What the tests of the registry share.
#pragma once

#include "base/fake_clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/fake_servable.h"
#include "engine/registry.h"

namespace weir {

using std::chrono::seconds;

class RegistryTest : public ::testing::Test {
 protected:
  RegistryTest() { log::SetLevel("off"); }
  ~RegistryTest() override { log::SetLevel("info"); }

  static std::future<Result<Registry::DeploymentPtr>> Load(Registry& registry, const std::string& name) {
    return Ask([&](Registry::Ready done) { registry.Load(name, Deadline::Never(), std::move(done)); });
  }
  static std::future<Result<Registry::DeploymentPtr>> WhenReady(Registry& registry, const std::string& name,
                                                                Deadline deadline = {}) {
    return Ask([&](Registry::Ready done) { registry.WhenReady(name, deadline, std::move(done)); });
  }

  static std::future<Result<Registry::DeploymentPtr>> Reload(Registry& registry, const std::string& name) {
    return Ask([&](Registry::Ready done) { registry.Reload(name, Deadline::Never(), std::move(done)); });
  }
  static std::future<Status> Unload(Registry& registry, const std::string& name) {
    auto promise = std::make_shared<std::promise<Status>>();
    registry.Unload(name, Deadline::Never(), [promise](Status done) { promise->set_value(std::move(done)); });
    return promise->get_future();
  }
  template <typename Answer>
  static bool Waits(std::future<Answer>& answer) {
    return answer.wait_for(seconds(0)) == std::future_status::timeout;
  }
  ModelState State(const std::string& name) { return registry_.StateOf(name)->state; }

  // A job of that model, whose answer comes when it has run.
  static std::future<Result<Output>> Submit(Deployment& deployment) {
    auto promise = std::make_shared<std::promise<Result<Output>>>();
    deployment.Offer({}, [promise](Result<Output> output) { promise->set_value(std::move(output)); });
    return promise->get_future();
  }

  FakeClock clock_;
  Metrics metrics_;
  std::shared_ptr<FakeRuns> runs_ = std::make_shared<FakeRuns>();
  std::atomic<int> loads_ = 0;
  Gate gate_;  // a load waits here when the test says so
  std::atomic<bool> hold_ = false;
  std::atomic<bool> fail_ = false;
  std::function<Status(int)> on_load_ = [](int) { return Status(); };  // gets the number of the load; set before it
  FakeLoader loader_{[this](const std::string&) -> Result<std::shared_ptr<const Servable>> {
    const int number = ++loads_;
    if (hold_) gate_.Enter();
    if (fail_) return Fail(Code::kUnprocessable, "model.onnx is broken");
    if (Status status = on_load_(number); !status) return Forward(status);
    return std::make_shared<FakeServable>(runs_);
  }};
  Backlog backlog_{2};
  RunThreads threads_{2, clock_};
  Registry registry_{
      {.deployment = {.workers = 1}, .load = {.pause = Duration::zero()}, .load_threads = 2, .on_demand = true},
      loader_,
      {.clock = clock_,
       .metrics = metrics_,
       .threads = threads_,
       .backlog = backlog_,
       .costs = nullptr,
       .note_deadline = [](Deadline) {}}};

 private:
  template <typename Call>
  static std::future<Result<Registry::DeploymentPtr>> Ask(Call call) {
    auto promise = std::make_shared<std::promise<Result<Registry::DeploymentPtr>>>();
    call([promise](Result<Registry::DeploymentPtr> ready) { promise->set_value(std::move(ready)); });
    return promise->get_future();
  }
};

}  // namespace weir
