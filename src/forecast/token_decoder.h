// Tokens to candles.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "forecast/forecast.h"
#include "forecast/key_value_slots.h"
#include "forecast/kronos_model.h"
#include "model/tensor.h"

namespace weir::forecast {

// A sample that is decoded token by token while it is drawn: its keys and values so far. Confined to one thread.
class GrowingSample {
 public:
  // `total`: tokens that it will have. It begins with the first that the whole answer's window holds, so what is made
  // of it on the way is what the whole gives, but for the last bits: no token looks at a later one.
  GrowingSample(const KronosManifest& manifest, std::size_t total);
  // Goes on by itself.
  GrowingSample Fork() const;

 private:
  friend class TokenDecoder;

  std::size_t first_;  // token of its window
  std::size_t read_;   // tokens from the sample's beginning on that have been decoded, or are left out
  std::vector<SlotTensor> layers_;
};

// Confined to one thread.
class TokenDecoder {
 public:
  explicit TokenDecoder(std::shared_ptr<const KronosModel> model);

  // The last tokens of each sample, as many as the model's window holds; all samples have as many:
  // [samples, window, columns], normalised. Blocks.
  Result<Tensor> Decode(std::span<const Tokens> samples, const std::stop_token& stop);
  // What has been added to `tokens` since the last call: [1, added, columns], normalised; empty when that is nothing.
  // Blocks.
  Result<Tensor> DecodeMore(const Tokens& tokens, GrowingSample& sample, const std::stop_token& stop);

 private:
  Result<Tensor> Run(std::vector<Tensor> inputs, std::vector<Tensor> outputs, const std::stop_token& stop);

  const std::shared_ptr<const KronosModel> model_;
  const std::unique_ptr<Session> session_;
};

}  // namespace weir::forecast
