// The core put together: models, engine, texts. What the server and the command line share.
#pragma once

#include <memory>

#include "app/config.h"
#include "app/model_folder.h"
#include "app/profile_store.h"
#include "base/user_folders.h"
#include "engine/engine.h"
#include "executor/thread_pool.h"
#include "forecast/forecast_service.h"
#include "infer/infer_service.h"
#include "metrics/metrics.h"
#include "model/onnx/onnx_backend.h"
#include "text/text_service.h"

namespace weir::app {

// Owns everything below the transports, in the order of building; destroyed in reverse. Made on one thread;
// its parts are thread-safe. `metrics` outlives it.
struct Core {
  Core(const Config& config, Metrics& metrics)
      : backend(MakeOnnxBackend({.copies = config.optimized_copies ? GraphCopiesFolder() : ""})),
        folders(*backend, DevicesOf(config), LimitsOf(config)), profiles(folders, ProfileStore::ThisMachine()),
        engine(WithProfiles(config.engine, profiles), folders, Clock::Steady(), metrics),
        tokenizers(config.tokenizer_threads, "tokenize"), texts(engine, tokenizers), infer(engine, texts),
        forecasts(engine) {}

  std::unique_ptr<Backend> backend;
  ModelFolders folders;
  ProfileStore profiles;
  Engine engine;
  ThreadPool tokenizers;
  TextService texts;
  InferService infer;
  forecast::ForecastService forecasts;

 private:
  // One running set of forecasts for each run at once.
  static ForecastLimits LimitsOf(const Config& config) {
    ForecastLimits limits = config.forecast;
    limits.runs = std::min(config.engine.deployment.workers, config.engine.slots);
    return limits;
  }
  static ModelFolders::DeviceOf DevicesOf(const Config& config) {
    return [fallback = config.device, models = config.model_settings](std::string_view name) {
      const auto own = models.find(name);
      return own != models.end() && own->second.device ? *own->second.device : fallback;
    };
  }
  static EngineOptions WithProfiles(EngineOptions options, ProfileStore& profiles) {
    options.costs = &profiles;
    return options;
  }
};

}  // namespace weir::app
