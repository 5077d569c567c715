// Bodies of the Open Inference Protocol, version 2, with the binary tensor data extension.
// Source: the protocol's "Required API" and "HTTP/REST" pages (KServe, open-inference-protocol); Triton's "Binary
// Tensor Data Extension" page.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/model_status.h"
#include "engine/priority.h"
#include "model/model.h"

namespace weir::codec {

// The two parts of a body.
struct InferBytes {
  std::string_view json;
  std::string_view binary;  // data of inputs, in their order
};
// Takes a body apart. `json_length`: what Inference-Header-Content-Length says; empty: all of it is JSON.
Result<InferBytes> SplitInfer(std::string_view body, std::string_view json_length);

struct InferBody {
  std::string id;              // empty when the request has none
  std::vector<Tensor> inputs;  // in the manifest's order, types and shapes checked
  struct AskedFor {
    int index = 0;        // the output's position in the manifest
    bool binary = false;  // its data go behind the JSON
  };
  std::vector<AskedFor> outputs;
  // parameters.timeout, which the protocol has in microseconds (source: Triton's schedule policy); nullopt: none.
  std::optional<std::chrono::microseconds> timeout = {};
  // parameters.priority: a name, or a number as Triton has it, of which 1 comes first.
  std::optional<Priority> priority = {};
};

// parameters.timeout of such a body alone: what can be known of it before the model is. The errors are those of the
// whole.
Result<std::optional<std::chrono::microseconds>> ParseInferTimeout(std::string_view json);

// Reads and checks an infer request against the model's interface. Tensors of binary data share the bytes where these
// are aligned, and keep `owner`, to whom they belong.
Result<InferBody> ParseInfer(const InferBytes& bytes, const std::shared_ptr<const void>& owner,
                             const Manifest& manifest);

struct InferAnswer {
  std::string body;
  std::size_t json_length = 0;  // when something follows the JSON
};
InferAnswer WriteInfer(const std::string& model, const std::string& version, const InferBody& request,
                       const Manifest& manifest, const std::vector<Tensor>& outputs);
// `versions`: those that can be asked for.
std::string WriteModelMetadata(const std::string& model, const std::vector<std::string>& versions,
                               const Manifest& manifest);
// As Triton's model configuration has it; what Weir has no word for is left out. `runs_at_once`: of the model.
// Source: Triton's "Model Configuration Extension" page. A first dimension of any size, where all tensors have one, is
// the batch: `dims` leave it out, and `max_batch_size` is above 0.
std::string WriteModelConfig(const std::string& model, const std::vector<std::string>& versions,
                             const Manifest& manifest, std::size_t runs_at_once);
std::string WriteServerMetadata();

// The statistics extension's answer, of these models.
// Source: Triton's "Statistics Extension" page. What reading inputs and writing outputs takes is part of compute_infer.
std::string WriteStatistics(const std::vector<ModelStatus>& models);

}  // namespace weir::codec
