#include "text/pooling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace weir {
namespace {

struct PoolingEntry {
  Pooling pooling;
  std::string_view name;
};
constexpr std::array<PoolingEntry, 6> kPoolings = {{{Pooling::kMean, "mean"},
                                                    {Pooling::kCls, "cls"},
                                                    {Pooling::kMax, "max"},
                                                    {Pooling::kMeanSqrtLen, "mean_sqrt_len"},
                                                    {Pooling::kWeightedMean, "weightedmean"},
                                                    {Pooling::kLastToken, "lasttoken"}}};

// out += weight * token
void Add(std::span<const float> token, float weight, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += weight * token[i];
}

void Divide(std::span<float> values, float divisor) {
  for (float& value : values) value /= std::max(divisor, 1e-9F);
}

}  // namespace

std::string_view PoolingName(Pooling pooling) {
  for (const PoolingEntry& entry : kPoolings) {
    if (entry.pooling == pooling) return entry.name;
  }
  return "";
}

std::optional<Pooling> PoolingFromName(std::string_view written) {
  for (const std::string_view suffix : {"_tokens", "_token"}) {
    if (written.ends_with(suffix)) written.remove_suffix(suffix.size());
  }
  for (const PoolingEntry& entry : kPoolings) {
    if (entry.name == written) return entry.pooling;
  }
  return std::nullopt;
}

void Pool(Pooling pooling, std::span<const float> tokens, std::size_t skip, std::span<float> out) {
  const std::size_t width = out.size();
  const std::size_t count = tokens.size() / width;
  skip = std::min(skip, count);
  const auto token = [&](std::size_t i) { return tokens.subspan(i * width, width); };
  std::ranges::fill(out, 0.0F);
  switch (pooling) {
    case Pooling::kMean:
    case Pooling::kMeanSqrtLen: {
      for (std::size_t i = skip; i < count; ++i) Add(token(i), 1, out);
      const auto n = static_cast<float>(count - skip);
      return Divide(out, pooling == Pooling::kMean ? n : std::sqrt(n));
    }
    case Pooling::kWeightedMean: {
      float sum = 0;
      for (std::size_t i = skip; i < count; ++i) {
        const auto weight = static_cast<float>(i + 1);
        Add(token(i), weight, out);
        sum += weight;
      }
      return Divide(out, sum);
    }
    case Pooling::kMax: {
      if (skip == count) return;
      std::ranges::copy(token(skip), out.begin());
      for (std::size_t i = skip + 1; i < count; ++i) {
        std::ranges::transform(out, token(i), out.begin(), [](float a, float b) { return std::max(a, b); });
      }
      return;
    }
    case Pooling::kCls: std::ranges::copy(token(skip == count ? 0 : skip), out.begin()); return;
    case Pooling::kLastToken: std::ranges::copy(token(count - 1), out.begin()); return;
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

void Sigmoid(std::span<float> values) {
  for (float& value : values) value = 1 / (1 + std::exp(-value));
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
