// The core put together: models, engine, texts. What the server and the command line share.
#pragma once

#include <memory>

#include "app/config.h"
#include "app/model_folder.h"
#include "engine/engine.h"
#include "executor/thread_pool.h"
#include "metrics/metrics.h"
#include "model/onnx/onnx_backend.h"
#include "text/text_service.h"

namespace weir::app {

// Owns everything below the transports, in the order of building; destroyed in reverse. Made on one thread;
// its parts are thread-safe.
struct Core {
  explicit Core(const Config& config)
      : backend(MakeOnnxBackend()), folders(*backend), engine(config.engine, folders, Clock::Steady(), metrics),
        tokenizers(config.tokenizer_threads, "tokenize"), texts(engine, tokenizers) {}

  Metrics metrics;
  std::unique_ptr<Backend> backend;
  ModelFolders folders;
  Engine engine;
  ThreadPool tokenizers;
  TextService texts;
};

}  // namespace weir::app
