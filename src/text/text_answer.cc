#include "text/text_answer.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir {
namespace {

using Values = std::vector<float>;

Values ValuesOf(const Tensor& tensor) {
  const auto values = tensor.As<float>();
  return {values.begin(), values.end()};
}

// The windows have the same width.
Values PoolWindows(WindowPool pool, const std::vector<Values>& windows) {
  Values pooled = windows[0];
  for (std::size_t i = 1; i < windows.size(); ++i) {
    std::ranges::transform(pooled, windows[i], pooled.begin(),
                           [pool](float a, float b) { return pool == WindowPool::kMean ? a + b : std::max(a, b); });
  }
  if (pool == WindowPool::kMean && windows.size() > 1) {
    for (float& value : pooled) value /= static_cast<float>(windows.size());
  }
  return pooled;
}

void Activate(Activation activation, std::span<float> values) {
  switch (activation) {
    case Activation::kNone: return;
    case Activation::kSoftmax: return Softmax(values);
    case Activation::kSigmoid: return Sigmoid(values);
  }
}

}  // namespace

Result<Tensor> MakeEmbedding(const TextModel& model, const TextRequest& request, std::span<const Tensor> windows) {
  const bool normalize = request.normalize.value_or(model.folder().modules.normalize);
  std::vector<Values> answers;
  for (const Tensor& window : windows) {
    answers.push_back(ValuesOf(window));
    if (normalize && windows.size() > 1) NormalizeL2(answers.back());
  }
  Values values = PoolWindows(request.window_pool, answers);
  if (request.dimensions > values.size()) {
    return InvalidArgument(
        fmt::format("'dimensions' is {}, the model's vectors have {}", request.dimensions, values.size()),
        "dimensions");
  }
  if (request.dimensions > 0) values.resize(request.dimensions);
  if (normalize) NormalizeL2(values);
  Tensor answer = Tensor::Uninitialised(DataType::kFp32, {static_cast<std::int64_t>(values.size())});
  std::ranges::copy(values, answer.Mutable<float>().begin());
  return answer;
}

std::vector<ScoredLabel> MakeLabels(const TextModel& model, const TextRequest& request,
                                    std::span<const Tensor> windows) {
  std::vector<Values> answers;
  for (const Tensor& window : windows) {
    answers.push_back(ValuesOf(window));
    if (!request.raw_scores) Activate(model.activation().kind, answers.back());
  }
  return TopLabels(model.labels(), PoolWindows(request.window_pool, answers), request.top_k);
}

}  // namespace weir
