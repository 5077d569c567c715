// `weir bench MODEL`: a model in this process.
#include <fmt/format.h>

#include <filesystem>
#include <future>
#include <memory>
#include <utility>

#include "app/core.h"
#include "app/model_reference.h"
#include "base/log.h"
#include "cli/bench.h"
#include "cli/pull_progress.h"
#include "load/doors.h"
#include "load/engine_driver.h"

namespace weir::cli {
namespace {

using load::Door;

// Owned by the target's `drive`. The metrics outlive the core.
struct InProcess {
  explicit InProcess(const app::Config& config) : core(config, metrics) {}
  Metrics metrics;
  app::Core core;
};

Result<std::string> AddModel(app::Core& core, const BenchFlags& flags) {
  PullProgress progress;
  Result<app::ModelSource> source = app::FindModel(flags.target, {}, {flags.models}, progress, {});
  if (!source) {
    source.error().message = fmt::format("'{}' is no URL (http://...): {}", flags.target, source.error().message);
    return Forward(source);
  }
  return core.folders.AddOne(std::move(*source));
}

template <typename Answer>
auto Report(load::Done done) {
  return [done = std::move(done)](Result<Answer> answer) mutable {
    done(answer ? load::Outcome{} : load::OutcomeOf(answer.error()));
  };
}

Result<load::Work> TextWork(const BenchFlags& flags, app::Core& core, load::Report& facts) {
  Status fits = OnlyTexts(flags);
  if (!fits) return Forward(fits);
  Result<BenchTexts> made = TextsFor(flags);
  if (!made) return Forward(made);
  facts.input = made->origin;
  const bool classifies = facts.door == load::DoorName(Door::kClassify);
  return [&core, texts = std::make_shared<BenchTexts>(std::move(*made)), classifies, model = facts.model,
          batch = facts.batch,
          truncate = flags.truncate](std::uint64_t number, Deadline deadline, std::stop_token stop, load::Done done) {
    TextRequest request{.model = model,
                        .texts = BatchOf(*texts, number, batch),
                        .truncate = truncate,
                        .deadline = deadline,
                        .stop = std::move(stop)};
    if (classifies) return core.texts.Classify(std::move(request), Report<Classifications>(std::move(done)));
    core.texts.Embed(std::move(request), Report<Embeddings>(std::move(done)));
  };
}

Result<load::Work> TensorWork(const BenchFlags& flags, app::Core& core, load::Report& facts) {
  Status fits = OnlyTensors(flags);
  if (!fits) return Forward(fits);
  std::promise<Result<Registry::DeploymentPtr>> promise;
  core.engine.WhenReady(facts.model, Deadline::Never(), [&](auto ready) { promise.set_value(std::move(ready)); });
  Result<Registry::DeploymentPtr> deployment = promise.get_future().get();
  if (!deployment) return Forward(deployment);
  const std::shared_ptr<const Servable> servable = (*deployment)->servable();
  const Result<load::Shapes> shapes = ShapesOf(flags);
  if (!shapes) return std::unexpected(shapes.error());
  Result<std::vector<Tensor>> inputs = load::MakeInputs(servable->manifest().inputs, *shapes, flags.seed);
  if (!inputs) return Forward(inputs);
  facts.input = ShapesInWords(servable->manifest().inputs, *inputs);
  return [&core, inputs = std::move(*inputs), model = facts.model](std::uint64_t, Deadline deadline,
                                                                   std::stop_token stop, load::Done done) {
    core.engine.Submit(model, {.inputs = inputs, .deadline = deadline, .stop = std::move(stop)},
                       Report<Output>(std::move(done)));
  };
}

Status OnlyInProcess(const BenchFlags& flags) {
  if (flags.model.empty() && flags.door.empty() && flags.path.empty() && flags.body.empty() && flags.headers.empty() &&
      !flags.threads) {
    return {};
  }
  return InvalidArgument(
      fmt::format("--model, --door, --path, --body, --header and --threads are for servers; '{}' is "
                  "no URL (http://...)",
                  flags.target));
}

}  // namespace

Result<BenchTarget> PrepareModel(const BenchFlags& flags) {
  Status fits = OnlyInProcess(flags);
  if (!fits) return Forward(fits);
  log::SetLevel(log::Level::kOff);
  app::ConfigSources sources;
  for (const std::string& setting : flags.settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos) return InvalidArgument("--set takes KEY=VALUE, not '" + setting + "'");
    sources.flags.push_back({setting.substr(0, equals), setting.substr(equals + 1), "--set " + setting});
  }
  Result<app::LoadedConfig> loaded_config = app::LoadConfig(sources);
  if (!loaded_config) return Forward(loaded_config);
  // What is known is used, unless somebody asks for more.
  if (loaded_config->origins.at("batch.measure") == "default") {
    loaded_config->config.engine.deployment.measure_when_idle = false;
  }
  const auto process = std::make_shared<InProcess>(loaded_config->config);
  app::Core& core = process->core;
  Result<std::string> name = AddModel(core, flags);
  if (!name) return Forward(name);
  Status loaded = core.engine.LoadAndWait(*name);
  if (!loaded) return Forward(loaded);
  Result<Door> door = load::DoorOfTask(core.engine.States()[0].task, *name);
  if (!door) return Forward(door);
  BenchTarget target;
  target.facts.batch = flags.batch.value_or(1);
  target.facts.target = "in-process";
  target.facts.model = *name;
  target.facts.door = load::DoorName(*door);
  Result<load::Work> work =
      *door == Door::kInfer ? TensorWork(flags, core, target.facts) : TextWork(flags, core, target.facts);
  if (!work) return Forward(work);
  target.drive = [process, work = std::move(*work)](load::Pacer& pacer, std::stop_token stop) -> Status {
    load::DriveWork(work, Clock::Steady(), pacer, std::move(stop));
    return {};
  };
  return target;
}

}  // namespace weir::cli
