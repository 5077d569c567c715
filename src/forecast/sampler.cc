#include "forecast/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace weir::forecast {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

void Softmax(std::span<float> logits) {
  const float largest = *std::ranges::max_element(logits);
  float sum = 0;
  for (float& value : logits) {
    value = std::exp(value - largest);
    sum += value;
  }
  for (float& value : logits) value /= sum;
}

}  // namespace

void Probabilities::Make(const Sampling& sampling, std::span<float> logits) {
  for (float& value : logits) value /= sampling.temperature;
  if (sampling.top_k > 0) {
    KeepTopK(static_cast<std::size_t>(sampling.top_k), logits);
  } else if (sampling.top_p < 1) {
    KeepTopP(sampling.top_p, logits);
  }
  Softmax(logits);
}

void Probabilities::KeepTopK(std::size_t count, std::span<float> logits) {
  if (count >= logits.size()) return;
  values_.assign(logits.begin(), logits.end());
  const auto last = values_.begin() + static_cast<std::ptrdiff_t>(count - 1);
  std::ranges::nth_element(values_, last, std::greater());
  for (float& value : logits) {
    if (value < *last) value = kNever;
  }
}

void Probabilities::KeepTopP(float most, std::span<float> logits) {
  order_.resize(logits.size());
  std::iota(order_.begin(), order_.end(), 0U);
  std::ranges::sort(order_, [&](std::uint32_t one, std::uint32_t other) {
    return logits[one] != logits[other] ? logits[one] > logits[other] : one < other;
  });
  values_.clear();
  for (const std::uint32_t token : order_) values_.push_back(logits[token]);
  Softmax(values_);
  float sum = 0;
  std::size_t kept = 0;
  while (kept < values_.size() && (kept == 0 || sum <= most)) sum += values_[kept++];
  for (std::size_t rank = kept; rank < order_.size(); ++rank) logits[order_[rank]] = kNever;
}

std::array<std::uint32_t, 4> Philox(std::array<std::uint32_t, 4> counter, std::uint64_t seed) {
  // Multipliers and steps of the keys from the paper.
  constexpr std::uint64_t kFactor0 = 0xD2511F53;
  constexpr std::uint64_t kFactor1 = 0xCD9E8D57;
  constexpr std::uint32_t kStep0 = 0x9E3779B9;
  constexpr std::uint32_t kStep1 = 0xBB67AE85;
  constexpr int kRounds = 10;
  auto key0 = static_cast<std::uint32_t>(seed);
  auto key1 = static_cast<std::uint32_t>(seed >> 32U);
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t product0 = kFactor0 * counter[0];
    const std::uint64_t product1 = kFactor1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32U) ^ counter[1] ^ key0, static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32U) ^ counter[3] ^ key1, static_cast<std::uint32_t>(product0)};
    key0 += kStep0;
    key1 += kStep1;
  }
  return counter;
}

double UniformDraw(std::uint64_t seed, const DrawNumber& number) {
  const auto bits = Philox({number.step, number.head, number.sample, 0}, seed);
  return static_cast<double>((std::uint64_t{bits[0]} << 21U) ^ (bits[1] >> 11U)) * 0x1p-53;
}

std::size_t Draw(std::span<const float> probabilities, double uniform) {
  double total = 0;
  for (const float probability : probabilities) total += static_cast<double>(probability);
  double sum = 0;
  std::size_t last = 0;
  for (std::size_t token = 0; token < probabilities.size(); ++token) {
    if (probabilities[token] == 0) continue;
    last = token;
    sum += static_cast<double>(probabilities[token]);
    if (sum > uniform * total) break;
  }
  return last;
}

}  // namespace weir::forecast
