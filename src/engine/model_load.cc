#include "engine/model_load.h"

#include <fmt/format.h>

#include <exception>
#include <new>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/pause.h"

namespace weir {

bool MayPass(const Error& error) { return error.code == Code::kResourceExhausted || error.code == Code::kUnavailable; }

Result<std::shared_ptr<const Servable>> ModelLoad::Run(ServableLoader& loader, const LoadLimits& limits,
                                                       const Clock& clock) {
  Duration pause = limits.pause;
  for (;;) {
    const std::size_t tries = tries_.fetch_add(1, std::memory_order_relaxed) + 1;
    auto built = Try(loader, clock);
    if (built || !MayPass(built.error()) || tries >= limits.tries) return built;
    log::Warn("model {}: try {} of {} failed, the next one follows in {:.1f} s: {}", name_, tries, limits.tries,
              Seconds(pause), built.error().message);
    if (!Pause(pause, stop_.get_token())) return built;
    pause *= 2;
  }
}

Result<std::shared_ptr<const Servable>> ModelLoad::Try(ServableLoader& loader, const Clock& clock) {
  if (stop_.stop_requested()) return Fail(Code::kCancelled, "the load was given up");
  const TimePoint start = clock.Now();
  try {
    Result<std::shared_ptr<const Servable>> servable = loader.Load(name_);
    steps_.build += clock.Now() - start;
    if (!servable) return Forward(servable);
    if (stop_.stop_requested()) return Fail(Code::kCancelled, "the load was given up");
    const TimePoint proving = clock.Now();
    Status warm = (*servable)->WarmUp();
    steps_.prove = clock.Now() - proving;
    if (!warm) {
      warm.error().message = "its first run failed: " + warm.error().message;
      return Forward(warm);
    }
    return servable;
  } catch (const std::bad_alloc&) {
    return Fail(Code::kResourceExhausted, "there is not enough memory");
  } catch (const std::system_error& e) {
    return Fail(Code::kUnavailable, e.what());
  } catch (const std::exception& e) {
    return Fail(Code::kInternal, e.what());
  }
}

}  // namespace weir
