// Bodies of the Open Inference Protocol, version 2, JSON form.
// Source: the protocol's "Required API" and "HTTP/REST" pages (KServe, open-inference-protocol).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/model_status.h"
#include "engine/priority.h"
#include "model/model.h"

namespace weir::codec {

struct InferBody {
  std::string id;              // empty when the request has none
  std::vector<Tensor> inputs;  // in the manifest's order, types and shapes checked
  std::vector<int> outputs;    // positions of the outputs that are asked for
  // parameters.timeout, which the protocol has in microseconds (source: Triton's schedule policy); nullopt: none.
  std::optional<std::chrono::microseconds> timeout = {};
  // parameters.priority: a name, or a number as Triton has it, of which 1 comes first.
  std::optional<Priority> priority = {};
};

// parameters.timeout of such a body alone: what can be known of it before the model is. The errors are those of the
// whole.
Result<std::optional<std::chrono::microseconds>> ParseInferTimeout(std::string_view body);

// Reads and checks an infer request against the model's interface.
Result<InferBody> ParseInfer(std::string_view body, const Manifest& manifest);

std::string WriteInfer(const std::string& model, const std::string& version, const InferBody& request,
                       const Manifest& manifest, const std::vector<Tensor>& outputs);
// `versions`: those that can be asked for.
std::string WriteModelMetadata(const std::string& model, const std::vector<std::string>& versions,
                               const Manifest& manifest);
std::string WriteServerMetadata();

// The statistics extension's answer, of these models.
// Source: Triton's "Statistics Extension" page. What reading inputs and writing outputs takes is part of compute_infer.
std::string WriteStatistics(const std::vector<ModelStatus>& models);

}  // namespace weir::codec
