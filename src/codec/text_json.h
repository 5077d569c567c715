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

// Most texts in one request.
inline constexpr std::size_t kMaxTexts = 1024;

struct EmbeddingsBody {
  std::optional<std::string> model;
  std::vector<std::string> texts;
  bool base64 = false;         // encoding_format
  std::size_t dimensions = 0;  // 0 = all
  bool truncate = false;
};

struct ClassifyBody {
  std::optional<std::string> model;
  std::vector<std::string> texts;
  std::size_t top_k = 0;  // 0 = all
  bool truncate = false;
};

Result<EmbeddingsBody> ParseEmbeddings(std::string_view body);
Result<ClassifyBody> ParseClassify(std::string_view body);

// {"object":"list","data":[{"object":"embedding","index":0,"embedding":[…]},…],"model":…,"usage":{…}}.
// With `dimensions`, vectors are cut and scaled to length 1 again.
Result<std::string> WriteEmbeddings(const Embeddings& embeddings, const EmbeddingsBody& request,
                                    const std::string& model);
// {"model":…,"data":[{"index":0,"labels":[{"label":…,"score":…},…]}],"usage":{…}}, best label first.
std::string WriteClassifications(const Classifications& classifications, const std::string& model);

// OpenAI's list of models, with each one's task, state and (when it failed) reason.
std::string WriteModels(const std::vector<ModelStatus>& models, std::int64_t created);
std::string WriteModel(const ModelStatus& model, std::int64_t created);

}  // namespace weir::codec
