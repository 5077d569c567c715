// One inference by name, whatever door it came through: tensors in, tensors out.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/priority.h"
#include "model/tensor.h"

namespace weir {

// Bounds of a request: tensors given, or outputs asked for; classes of an output.
inline constexpr std::size_t kMostTensors = 1024;
inline constexpr std::size_t kMostDimensions = 32;
inline constexpr std::int64_t kMostClasses = 1 << 20;
// What models' configurations name as their largest batch; the size of a request is bounded by its bytes.
inline constexpr std::int64_t kMostInABatch = 1024;

// The parameters "timeout", in microseconds, and "priority" where it is a number: 1 comes first. Of both, 0 is none;
// more than the most is for the door to refuse. Source: Triton's schedule policy.
inline constexpr std::int64_t kMostTimeout = std::int64_t{1} << 50;
inline constexpr std::int64_t kMostPriority = kPriorities;
inline std::optional<Duration> TimeoutOf(std::int64_t number) {
  if (number == 0) return std::nullopt;
  return std::chrono::microseconds(number);
}
inline std::optional<Priority> PriorityOf(std::int64_t number) {
  if (number == 0) return std::nullopt;
  return static_cast<Priority>(number - 1);
}

// Of the protocol, those that are served here.
inline constexpr std::array<std::string_view, 7> kExtensions = {
    "binary_tensor_data", "classification", "logging", "model_configuration",
    "model_repository",   "statistics",     "trace"};

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
