// From what the model gave for a text, or for each window of it, to its answer: pure functions.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "model/tensor.h"
#include "text/pooling.h"
#include "text/text_model.h"
#include "text/text_request.h"

namespace weir {

// Each window is answered as a text of its own; their answers are pooled. One vector, FP32 [width or dimensions]:
// cut to `dimensions`, then scaled to length 1 when the model does so or the request says so. kInvalidArgument when
// there are fewer dimensions than asked for.
Result<Tensor> MakeEmbedding(const TextModel& model, const TextRequest& request, std::span<const Tensor> windows);

// The request's `top_k` best labels, best first; probabilities, or logits when it asks for raw scores.
std::vector<ScoredLabel> MakeLabels(const TextModel& model, const TextRequest& request,
                                    std::span<const Tensor> windows);

}  // namespace weir
