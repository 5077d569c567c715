// What a backend gives: immutable weights, and sessions that run on them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/tensor.h"

namespace weir {

// The device that is always there.
inline constexpr const char* kCpu = "cpu";

// What is known about a model without running it. Value type.
struct Manifest {
  std::string platform;  // "onnxruntime_onnx", as the Open Inference Protocol spells it
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  std::uint64_t weight_bytes = 0;  // size of the files that hold the weights

  // Position of the input (output) of that name, or -1.
  int InputIndex(std::string_view name) const;
  int OutputIndex(std::string_view name) const;
};

// When a graph itself was run; what a run does before and after is for its inputs and outputs.
struct GraphTime {
  TimePoint began{};
  TimePoint ended{};
};

// Runs a model. Made by Model::NewSession; owned by a Worker. Confined to one thread at a time; sessions of
// the same model run at once and share one copy of the weights.
class Session {
 public:
  virtual ~Session() = default;

  // Blocks while the model runs. `inputs` in the manifest's order, each already checked against its spec;
  // returns the outputs in the manifest's order. A stop request ends the run early with kCancelled.
  virtual Result<std::vector<Tensor>> Run(std::span<const Tensor> inputs, std::stop_token stop) = 0;
  // The same into memory that is there: `outputs` in the manifest's order; one with elements is filled in place, and
  // may be an input's memory where the graph means that; an empty one is replaced by what the run gives.
  virtual Status RunInto(std::span<const Tensor> inputs, std::span<Tensor> outputs, std::stop_token stop) = 0;
  // Of the last run that was not stopped.
  const GraphTime& graph_time() const { return graph_time_; }

 protected:
  GraphTime graph_time_;
};

// Weights and interface. Immutable, shared by all who use it; freed with its last user.
class Model {
 public:
  virtual ~Model() = default;
  virtual const Manifest& manifest() const = 0;
  // Cheap: no weights are copied.
  virtual std::unique_ptr<Session> NewSession() const = 0;
};

// Turns files into models. Implemented by model/onnx; a second backend will stand beside it. Thread-safe.
class Backend {
 public:
  virtual ~Backend() = default;
  // Blocks while the file is read. Two paths that lead to the same file share one Model.
  virtual Result<std::shared_ptr<const Model>> Load(const std::filesystem::path& file) = 0;
  // The same on a device that ChooseDevice has given.
  virtual Result<std::shared_ptr<const Model>> LoadOn(const std::filesystem::path& file, const std::string& device) = 0;
  // "cpu" or "cuda:0", for "auto" the best that there is. kUnprocessable when it is not there.
  virtual Result<std::string> ChooseDevice(const std::string& wanted) const = 0;
};

}  // namespace weir
