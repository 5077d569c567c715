// A text model as tensors: texts in, vectors or labels out. Pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "infer/infer_request.h"
#include "text/text_service.h"

namespace weir {

// In: `text`, BYTES [-1, 1]. Out, of an embedding model: `embedding`, FP32 [-1, width]; of a classifier: `label` and
// `score`, BYTES and FP32 [-1, 1], the best one, and `scores`, FP32 [-1, labels], in the order of the model's labels.
Manifest TextInterface(const TextModel& model);

// Whether a request means this interface rather than the graph's own tensors.
bool MeansTexts(const TextModel& model, std::span<const NamedTensor> inputs);

// The texts of `text`, [n, 1] or [n], and of a classifier's optional `text_pair` of the same shape.
Result<TextRequest> TextsOf(const TextModel& model, std::vector<NamedTensor> inputs);

// The outputs in the interface's order, one row for each text; `shape`: of `text`.
std::vector<Tensor> TensorsOf(const Embeddings& embeddings, const Shape& shape);
std::vector<Tensor> TensorsOf(const TextModel& model, const Classifications& classes, const Shape& shape);

}  // namespace weir
