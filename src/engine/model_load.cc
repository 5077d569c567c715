#include "engine/model_load.h"

#include <fmt/format.h>

#include <exception>
#include <new>
#include <optional>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/pause.h"

namespace weir {
namespace {

// Adds what `step` takes to `time`.
template <typename Step>
auto Timed(const Clock& clock, Duration& time, Step step) {
  const TimePoint start = clock.Now();
  auto result = step();
  time += clock.Now() - start;
  return result;
}

std::unexpected<Error> GivenUp() { return Fail(Code::kCancelled, "the load was given up"); }

}  // namespace

void Apply(const LoadChanges& changes, LoadLimits& limits) {
  if (changes.tries) limits.tries = *changes.tries;
  if (changes.pause) limits.pause = *changes.pause;
  if (changes.timeout) limits.timeout = *changes.timeout;
  if (changes.fallback) limits.fallback = *changes.fallback;
}

bool MayPass(const Error& error) { return error.code == Code::kResourceExhausted || error.code == Code::kUnavailable; }

Result<LoadedModel> ModelLoad::Run(const LoadMeans& means) {
  Result<LoadedModel> loaded = RunTries(means);
  const bool elsewhere = !loaded && device_ && *device_ != kCpu && tried_device_;
  if (elsewhere && limits_.fallback && !stop_.stop_requested()) {
    not_there_ = loaded.error().message;
    device_ = kCpu;
    loaded = RunTries(means);
  }
  if (loaded && !not_there_.empty()) {
    log::Warn("model {}: on the CPU instead: {}", name_, not_there_);
    loaded->fallback = std::move(not_there_);
  }
  built_at_ = means.clock.Now();
  return loaded;
}

Status ModelLoad::ChooseDevice(const LoadMeans& means) {
  if (device_) return {};
  Result<std::string> device = Timed(means.clock, steps_.device, [&] { return means.loader.ChooseDevice(name_); });
  if (!device && !limits_.fallback) return Forward(device);
  if (!device) not_there_ = device.error().message;
  device_ = device ? std::move(*device) : kCpu;
  return {};
}

Result<LoadedModel> ModelLoad::RunTries(const LoadMeans& means) {
  Duration pause = limits_.pause;
  for (std::size_t here = 1;; ++here) {
    tries_.fetch_add(1, std::memory_order_relaxed);
    bool final = false;
    auto built = Try(means, final);
    if (built || final || !MayPass(built.error()) || here >= limits_.tries) return built;
    log::Warn("model {}: try {} of {} failed, the next one follows in {:.1f} s: {}", name_, here, limits_.tries,
              Seconds(pause), built.error().message);
    if (!Pause(pause, stop_.get_token())) return built;
    pause *= 2;
  }
}

Result<LoadedModel> ModelLoad::Try(const LoadMeans& means, bool& final) {
  try {
    return TryOrThrow(means, final);
  } catch (const std::bad_alloc&) {
    return Fail(Code::kResourceExhausted, "there is not enough memory");
  } catch (const std::system_error& e) {
    return Fail(Code::kUnavailable, e.what());
  } catch (const std::exception& e) {
    return Fail(Code::kInternal, e.what());
  }
}

Result<LoadedModel> ModelLoad::TryOrThrow(const LoadMeans& means, bool& final) {
  const Clock& clock = means.clock;
  if (stop_.stop_requested()) return GivenUp();
  Result<LoadPlan> plan = Timed(clock, steps_.plan, [&] { return means.loader.Plan(name_); });
  if (!plan) return Forward(plan);
  if (Status chosen = ChooseDevice(means); !chosen) return Forward(chosen);
  auto found = Timed(clock, steps_.memory, [&] { return means.make_room(*plan); });
  if (!found) {
    final = true;
    return Forward(found);
  }
  std::optional<MemoryBudget::Measurement> measurement;
  if (*found) measurement.emplace(means.memory);
  tried_device_ = true;
  auto servable = Timed(clock, steps_.build, [&] { return means.loader.LoadOn(name_, *device_); });
  if (!servable) return Forward(servable);
  if (stop_.stop_requested()) return GivenUp();
  Status warm = Timed(clock, steps_.prove, [&] { return (*servable)->WarmUp(); });
  if (!warm) {
    warm.error().message = "its first run failed: " + warm.error().message;
    return Forward(warm);
  }
  if (measurement) measurement->Keep(**found);
  return LoadedModel{.servable = std::move(*servable), .memory = std::move(*found), .device = *device_};
}

}  // namespace weir
