// From token vectors to answers: small pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace weir {

// How the vectors of a text's tokens become one vector.
enum class Pooling { kMean, kCls, kMax };

// `tokens` holds `out.size()` floats for each token, row-major; at least one token.
void Pool(Pooling pooling, std::span<const float> tokens, std::span<float> out);

// Scales to length 1 in the Euclidean norm; a zero vector stays. As torch.nn.functional.normalize with
// its default eps of 1e-12.
void NormalizeL2(std::span<float> vector);

// exp(x_i - max) / sum: sums to 1.
void Softmax(std::span<float> logits);

struct ScoredLabel {
  std::string label;
  float score = 0;
};

// The `count` (0 = all) best labels, best first; equal scores keep the model's order.
std::vector<ScoredLabel> TopLabels(std::span<const std::string> labels, std::span<const float> scores,
                                   std::size_t count);

}  // namespace weir
