// The options that the server gives a session, for what it is measured against.
#pragma once

#include <onnxruntime_cxx_api.h>

inline Ort::SessionOptions ServerOptions() {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  options.SetInterOpNumThreads(1);
  options.SetExecutionMode(ORT_SEQUENTIAL);
  options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  return options;
}
