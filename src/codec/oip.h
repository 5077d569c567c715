// Bodies of the Open Inference Protocol, version 2, with the binary tensor data extension.
// Source: the protocol's "Required API" and "HTTP/REST" pages (KServe, open-inference-protocol); Triton's "Binary
// Tensor Data Extension" page.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/model_status.h"
#include "engine/priority.h"
#include "infer/infer_request.h"
#include "infer/server_settings.h"

namespace weir::codec {

// The two parts of a body.
struct InferBytes {
  std::string_view json;
  std::string_view binary;  // data of inputs, in their order
};
// Takes a body apart. `json_length`: what Inference-Header-Content-Length says; empty: all of it is JSON.
Result<InferBytes> SplitInfer(std::string_view body, std::string_view json_length);

struct InferBody {
  std::string id;                         // empty when the request has none
  std::vector<NamedTensor> inputs;        // as many values as their shapes say
  std::vector<OutputAsk> outputs;         // empty: all
  std::vector<bool> binary;               // which of `outputs` go behind the JSON
  bool all_binary = false;                // when all are asked for
  std::optional<Duration> timeout = {};   // parameters.timeout
  std::optional<Priority> priority = {};  // parameters.priority
};

// Reads an infer request; what the model takes is looked at later. Tensors of binary data share the bytes where these
// are aligned, and keep `owner`, to whom they belong.
Result<InferBody> ParseInfer(const InferBytes& bytes, const std::shared_ptr<const void>& owner);

struct InferText {
  std::string body;
  std::size_t json_length = 0;  // when something follows the JSON
};
// kUnprocessable for BYTES that are no UTF-8 and not asked for as binary data.
Result<InferText> WriteInfer(const std::string& model, const InferBody& request, const InferAnswer& answer);
std::string WriteModelMetadata(const std::string& model, const ModelDescription& description);
// As Triton's model configuration has it; what Weir has no word for is left out.
// Source: Triton's "Model Configuration Extension" page. A first dimension of any size, where all tensors have one, is
// the batch: `dims` leave it out, and `max_batch_size` is above 0.
std::string WriteModelConfig(const std::string& model, const ModelDescription& description);
std::string WriteServerMetadata();

// The statistics extension's answer, of these models.
// Source: Triton's "Statistics Extension" page. compute_input is what comes before the graph (padding, wrapping),
// compute_output what comes after it (pooling, probabilities).
std::string WriteStatistics(const std::vector<ModelStatus>& models);

// The logging and trace extensions: settings as they are, and changes to them.
Result<LogChanges> ParseLogSettings(std::string_view body);
std::string WriteLogSettings();
// Nothing but what is so already is taken.
Status ParseTraceSettings(std::string_view body);
std::string WriteTraceSettings();

}  // namespace weir::codec
