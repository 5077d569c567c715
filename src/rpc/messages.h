// Messages of the Open Inference Protocol's gRPC service to domain types and back.
// Source: the protocol's "gRPC" page (KServe, open-inference-protocol); Triton's pages on its extensions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/model_status.h"
#include "engine/priority.h"
#include "infer/infer_request.h"
#include "infer/server_settings.h"

namespace inference {
class LogSettingsRequest;
class LogSettingsResponse;
class ModelConfig;
class ModelInferRequest;
class ModelInferResponse;
class ModelMetadataResponse;
class ModelStatisticsResponse;
class RepositoryIndexResponse;
class ServerMetadataResponse;
class TraceSettingResponse;
}  // namespace inference

namespace weir::rpc {

// What a ModelInferRequest says. `request` has model, inputs, outputs and timeout.
struct InferMessage {
  std::string name;  // of the model, as the answer repeats it
  std::string id;
  InferRequest request;
  std::optional<Priority> priority;
  bool marks_final = false;  // each answer of a stream says that it is the only one
};

// Numbers of raw contents share the message's bytes where these are aligned, and keep it. An error names the field as
// the protocol has it: "inputs[0].shape".
Result<InferMessage> ReadInfer(const std::shared_ptr<const inference::ModelInferRequest>& message);
// Tensors as raw contents, whatever form those of the request had: as Triton answers.
void WriteInfer(const InferMessage& asked, const InferAnswer& answer, inference::ModelInferResponse& message);

void WriteServerMetadata(inference::ServerMetadataResponse& message);
void WriteModelMetadata(const std::string& model, const ModelDescription& description,
                        inference::ModelMetadataResponse& message);
void WriteModelConfig(const std::string& model, const ModelDescription& description, inference::ModelConfig& message);
void WriteStatistics(const std::vector<ModelStatus>& models, inference::ModelStatisticsResponse& message);
void WriteRepositoryIndex(const std::vector<ModelStatus>& models, bool ready,
                          inference::RepositoryIndexResponse& message);

Result<LogChanges> ReadLogSettings(const inference::LogSettingsRequest& message);
void WriteLogSettings(inference::LogSettingsResponse& message);
void WriteTraceSettings(inference::TraceSettingResponse& message);

// "minilm", or "minilm/3" when a version is named.
std::string ReferenceOf(const std::string& name, const std::string& version);

}  // namespace weir::rpc
