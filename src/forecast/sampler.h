// From a model's logits to the next token: which tokens may be drawn, with which probabilities, and the draw itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weir::forecast {

struct Sampling {
  float temperature = 1;  // above 0
  int top_k = 0;          // the k most likely tokens, and those equal to the last of them; 0 or less: no such bound
  float top_p = 0.9F;     // without top_k: the fewest tokens whose probabilities pass this; from 1 on no bound
};

// Turns logits into probabilities in their place; 0 for what may not be drawn. As the original model's sampler: logits
// / temperature; then with top_k > 0 only what is not below the k-th largest stays (top_p does not count then), else
// with top_p < 1 what follows the token that takes the running sum of probabilities above top_p goes, never the first;
// then softmax. Keeps room between calls: one for each thread.
class Probabilities {
 public:
  void Make(const Sampling& sampling, std::span<float> logits);

 private:
  void KeepTopK(std::size_t count, std::span<float> logits);
  void KeepTopP(float most, std::span<float> logits);

  std::vector<float> values_;
  std::vector<std::uint32_t> order_;
};

// Random bits that depend on nothing but a seed and a counter, so that a forecast's draws are the same in any company.
// Philox 4x32 with 10 rounds. Source: Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC
// 2011.
std::array<std::uint32_t, 4> Philox(std::array<std::uint32_t, 4> counter, std::uint64_t seed);

// Which draw of a forecast: sample, step and head (0: the token's first part, 1: its second) are the counter.
struct DrawNumber {
  std::uint32_t sample = 0;
  std::uint32_t step = 0;
  std::uint32_t head = 0;
};

// In [0, 1), from 53 random bits.
double UniformDraw(std::uint64_t seed, const DrawNumber& number);

// The first token at which the running sum of probabilities passes `uniform` of their total.
std::size_t Draw(std::span<const float> probabilities, double uniform);

}  // namespace weir::forecast
