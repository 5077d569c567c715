// One inference by name, whatever door it came through: tensors in, tensors out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "model/tensor.h"

namespace weir {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// An output that is asked for. Value type.
struct OutputAsk {
  std::string name;
  // Only so many of its largest values, each as "value:index" or "value:index:label"; 0: the values themselves.
  std::size_t classes = 0;
};

// Value type.
struct InferRequest {
  std::string model;  // "simple", or "simple/3"
  std::vector<NamedTensor> inputs;
  std::vector<OutputAsk> outputs;  // in this order; empty: all
  Patience patience;
  std::optional<Duration> timeout = {};  // that the request itself names
  Priority priority = Priority::kNormal;
  std::uint64_t client = 0;  // as JobRequest::client
  std::stop_token stop = {};
};

struct InferAnswer {
  std::string version;               // that gave the answer
  std::vector<NamedTensor> outputs;  // as asked for
  StageTimes times;
};

// What a model shows under a name.
struct ModelDescription {
  std::vector<std::string> versions;  // that can be asked for, the oldest first
  Manifest manifest;
  std::size_t workers = 0;  // runs at once
};

// Whether the first dimension of every tensor is of any size, and so is the batch.
bool HasBatchDimension(const Manifest& manifest);

}  // namespace weir
