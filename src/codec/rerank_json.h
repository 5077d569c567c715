// Bodies of /rerank and /v1/rerank: how well texts answer a query.
// Source: the two shapes that servers of embeddings share, told apart by the name of the list: `documents` (Cohere's
// and Jina's API reference, "Rerank") and `texts` (text-embeddings-inference, "/rerank").
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/text_service.h"

namespace weir::codec {

struct RerankBody {
  std::optional<std::string> model;
  TextRequest request;             // the query with each text, in their order
  std::vector<std::string> texts;  // as they are shown in the answer; empty when they are not
  std::size_t most = 0;            // in the answer; 0: all
  bool is_list = false;            // the answer is a bare list: `texts`
};

// An error names the field.
Result<RerankBody> ParseRerank(std::string_view body);

// Best first: {"model":…,"results":[{"index":0,"relevance_score":…},…],"usage":{"total_tokens":…}}, or a bare list of
// {"index":0,"score":…}. kInvalidArgument when the model has not one score for a pair but several labels.
Result<std::string> WriteRerank(const RerankBody& asked, const Classifications& scores, const std::string& model,
                                const std::string& id);

}  // namespace weir::codec
