// ONNX Runtime behind the Backend interface. The only room that includes its headers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "model/model.h"

namespace weir {

struct OnnxOptions {
  // Threads inside one run. One by default: several sessions of one thread beat one of several (by 10 to
  // 25 % for MiniLM on two cores).
  int intra_op_threads = 1;
  // Where optimised copies of large graphs are kept (model/onnx/optimized_copies.h); empty: nowhere.
  std::filesystem::path copies;
};

// Loads ONNX files for the CPU, and for CUDA devices where the library has them. Thread-safe. One ONNX Runtime session
// per file and device, shared by all sessions that Model::NewSession gives out.
std::unique_ptr<Backend> MakeOnnxBackend(const OnnxOptions& options = {});

// "1.31.1": the version of the library that was found at run time.
std::string OnnxRuntimeVersion();

// The library that was found, against the headers that the program was built with.
struct OnnxRuntimeFacts {
  std::string version;
  std::string built_for;  // the oldest version that will do: "1.21"
  bool fits = false;
  std::vector<std::string> providers;  // empty when it does not fit
};
OnnxRuntimeFacts OnnxRuntimeAbout();

}  // namespace weir
