// Bodies of /v1/embeddings (OpenAI's shape) and /v1/classify.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/registry.h"
#include "text/text_service.h"

namespace weir::codec {

// How vectors are written: arrays of numbers, or base64 of the little-endian floats.
enum class VectorFormat { kNumbers, kBase64 };

// `request` has everything but the model (it may be left out), deadline and stop.
struct EmbeddingsBody {
  std::optional<std::string> model;
  TextRequest request;
  VectorFormat format = VectorFormat::kNumbers;
};

struct ClassifyBody {
  std::optional<std::string> model;
  TextRequest request;
};

// An error names the field. With on_error "partial" an item that is no text is noted in `request.unreadable` instead.
Result<EmbeddingsBody> ParseEmbeddings(std::string_view body);
// Items may be pairs here: {"text": …, "text_pair": …} or [text, text_pair].
Result<ClassifyBody> ParseClassify(std::string_view body);

// {"object":"list","data":[{"object":"embedding","index":0,"embedding":[…]},…],"model":…,"usage":{…}}; instead of an
// answer that there is not, {"object":"error","index":1,"error":{"index":1,"message":…,"code":…}}.
std::string WriteEmbeddings(const Embeddings& embeddings, VectorFormat format, const std::string& model);
// {"model":…,"data":[{"index":0,"labels":[{"label":…,"score":…},…]}],"usage":{…}}, best label first; errors as above,
// without "object".
std::string WriteClassifications(const Classifications& classifications, const std::string& model);

// OpenAI's list of models, with each one's task, state and (when it failed) reason.
std::string WriteModels(const std::vector<ModelStatus>& models, std::int64_t created);
std::string WriteModel(const ModelStatus& model, std::int64_t created);

}  // namespace weir::codec
