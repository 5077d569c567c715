#include "text/pooling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace weir {
namespace {

void MeanPool(std::span<const float> tokens, std::span<float> out) {
  const std::size_t width = out.size();
  std::ranges::fill(out, 0.0F);
  for (std::size_t row = 0; row + width <= tokens.size(); row += width) {
    for (std::size_t i = 0; i < width; ++i) out[i] += tokens[row + i];
  }
  const float count = static_cast<float>(tokens.size() / width);
  for (float& value : out) value /= count;
}

void MaxPool(std::span<const float> tokens, std::span<float> out) {
  const std::size_t width = out.size();
  std::ranges::copy(tokens.first(width), out.begin());
  for (std::size_t row = width; row + width <= tokens.size(); row += width) {
    for (std::size_t i = 0; i < width; ++i) out[i] = std::max(out[i], tokens[row + i]);
  }
}

}  // namespace

void Pool(Pooling pooling, std::span<const float> tokens, std::span<float> out) {
  switch (pooling) {
    case Pooling::kMean: return MeanPool(tokens, out);
    case Pooling::kCls: std::ranges::copy(tokens.first(out.size()), out.begin()); return;
    case Pooling::kMax: return MaxPool(tokens, out);
  }
}

void NormalizeL2(std::span<float> vector) {
  const float squares = std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0F);
  const float norm = std::max(std::sqrt(squares), 1e-12F);
  for (float& value : vector) value /= norm;
}

void Softmax(std::span<float> logits) {
  if (logits.empty()) return;
  const float highest = *std::ranges::max_element(logits);
  float sum = 0;
  for (float& value : logits) sum += value = std::exp(value - highest);
  for (float& value : logits) value /= sum;
}

std::vector<ScoredLabel> TopLabels(std::span<const std::string> labels, std::span<const float> scores,
                                   std::size_t count) {
  std::vector<std::size_t> order(std::min(labels.size(), scores.size()));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(
      order, [&](std::size_t a, std::size_t b) { return scores[a] > scores[b] || (scores[a] == scores[b] && a < b); });
  if (count > 0 && count < order.size()) order.resize(count);
  std::vector<ScoredLabel> best;
  best.reserve(order.size());
  for (const std::size_t i : order) best.push_back({labels[i], scores[i]});
  return best;
}

}  // namespace weir
