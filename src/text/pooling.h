// From token vectors to answers: small pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// How the vectors of a text's tokens become one vector, named as sentence-transformers names them.
enum class Pooling {
  kMean,
  kCls,           // the first token
  kMax,           // of each dimension
  kMeanSqrtLen,   // the sum, divided by the root of the count
  kWeightedMean,  // weights 1, 2, 3, …
  kLastToken,
};

std::string_view PoolingName(Pooling pooling);                     // "weightedmean"
std::optional<Pooling> PoolingFromName(std::string_view written);  // also with "_tokens" behind it

// `tokens` holds `out.size()` floats for each token, row-major; at least one token. The first `skip` tokens do not
// count (those of a prompt; when nothing is left the sum is 0), but keep their weights of kWeightedMean.
void Pool(Pooling pooling, std::span<const float> tokens, std::size_t skip, std::span<float> out);

// Scales to length 1 in the Euclidean norm; a zero vector stays. As torch.nn.functional.normalize with
// its default eps of 1e-12.
void NormalizeL2(std::span<float> vector);

// exp(x_i - max) / sum: sums to 1.
void Softmax(std::span<float> logits);
// 1 / (1 + exp(-x)) of each value.
void Sigmoid(std::span<float> values);

struct ScoredLabel {
  std::string label;
  float score = 0;
};

// The `count` (0 = all) best labels, best first; equal scores keep the model's order.
std::vector<ScoredLabel> TopLabels(std::span<const std::string> labels, std::span<const float> scores,
                                   std::size_t count);

}  // namespace weir
