#include "forecast/token_decoder.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace weir::forecast {
namespace {

// The tokens of `samples` from `begin` on, with their number: what the graph takes before its keys and values.
// `past`: of them that it has seen.
std::vector<Tensor> InputsOf(std::span<const Tokens> samples, std::size_t begin, std::size_t past) {
  const auto count = std::ssize(samples);
  const auto steps = static_cast<std::int64_t>(samples.front().size() - begin);
  std::vector<Tensor> inputs{
      Tensor::Uninitialised(DataType::kInt64, {count, steps}), Tensor::Uninitialised(DataType::kInt64, {count, steps}),
      Tensor::Uninitialised(DataType::kInt32, {count}), Tensor::Uninitialised(DataType::kInt32, {})};
  const auto from = static_cast<std::ptrdiff_t>(begin);
  auto first = inputs[0].Mutable<std::int64_t>().begin();
  auto second = inputs[1].Mutable<std::int64_t>().begin();
  for (const Tokens& tokens : samples) {
    first = std::copy(tokens.first.begin() + from, tokens.first.end(), first);
    second = std::copy(tokens.second.begin() + from, tokens.second.end(), second);
  }
  const auto total = static_cast<std::int32_t>(past) + static_cast<std::int32_t>(steps);
  std::ranges::fill(inputs[2].Mutable<std::int32_t>(), total - 1);
  inputs[3].Mutable<std::int32_t>()[0] = total;
  return inputs;
}

}  // namespace

GrowingSample::GrowingSample(const KronosManifest& manifest, std::size_t total)
    : first_(total - std::min(total, static_cast<std::size_t>(manifest.max_context))), read_(first_) {
  const auto positions = static_cast<std::int64_t>(total - first_);
  for (std::int64_t i = 0; i < 2 * manifest.decoder_layers; ++i) {
    layers_.emplace_back(DataType::kFp32, 1, manifest.decoder_heads, positions, manifest.decoder_head_size);
  }
}

GrowingSample GrowingSample::Fork() const {
  GrowingSample fork = *this;
  for (SlotTensor& layer : fork.layers_) layer = layer.Fork();
  return fork;
}

TokenDecoder::TokenDecoder(std::shared_ptr<const KronosModel> model)
    : model_(std::move(model)), session_(model_->decoder->NewSession()) {}

Result<Tensor> TokenDecoder::Run(std::vector<Tensor> inputs, std::vector<Tensor> outputs, const std::stop_token& stop) {
  outputs.emplace_back();
  if (Status run = session_->RunInto(inputs, outputs, stop); !run) return Forward(run);
  return std::move(outputs.back());
}

Result<Tensor> TokenDecoder::Decode(std::span<const Tokens> samples, const std::stop_token& stop) {
  const KronosManifest& manifest = model_->manifest;
  const std::size_t tokens = samples.front().size();
  const std::size_t window = std::min(tokens, static_cast<std::size_t>(manifest.max_context));
  std::vector<Tensor> inputs = InputsOf(samples, tokens - window, 0);
  const auto layers = static_cast<std::size_t>(2 * manifest.decoder_layers);
  const Tensor no_past = Tensor::Uninitialised(
      DataType::kFp32, {std::ssize(samples), manifest.decoder_heads, 0, manifest.decoder_head_size});
  inputs.insert(inputs.end(), layers, no_past);
  return Run(std::move(inputs), std::vector<Tensor>(layers), stop);
}

Result<Tensor> TokenDecoder::DecodeMore(const Tokens& tokens, GrowingSample& sample, const std::stop_token& stop) {
  if (sample.read_ == tokens.size()) return Tensor();
  std::vector<Tensor> inputs = InputsOf({&tokens, 1}, sample.read_, sample.read_ - sample.first_);
  std::vector<Tensor> layers;
  for (const SlotTensor& layer : sample.layers_) layers.push_back(layer.View(0, 1));
  inputs.insert(inputs.end(), layers.begin(), layers.end());
  sample.read_ = tokens.size();
  return Run(std::move(inputs), std::move(layers), stop);
}

}  // namespace weir::forecast
