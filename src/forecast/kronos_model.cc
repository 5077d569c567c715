#include "forecast/kronos_model.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::forecast {
namespace {

// The graph's interface against the manifest: `inputs` and `outputs` as many as there should be, and the shape of one.
struct Expected {
  const char* graph;
  std::size_t inputs;
  std::size_t outputs;
  const char* output;
  Shape shape;
};

Result<std::shared_ptr<const Model>> LoadGraph(Backend& backend, const std::filesystem::path& folder,
                                               const Expected& expected) {
  const std::filesystem::path file = folder / (std::string(expected.graph) + ".onnx");
  auto model = backend.Load(file);
  if (!model) return model;
  const Manifest& manifest = (*model)->manifest();
  const int output = manifest.OutputIndex(expected.output);
  const bool fits = manifest.inputs.size() == expected.inputs && manifest.outputs.size() == expected.outputs &&
                    output >= 0 && manifest.outputs[static_cast<std::size_t>(output)].shape == expected.shape;
  if (fits) return model;
  return Fail(Code::kUnprocessable,
              fmt::format("{} does not fit {}: convert the model again", file.string(), kKronosManifest));
}

}  // namespace

std::size_t KronosModel::RowBytes() const {
  const auto layers = static_cast<std::size_t>(manifest.layers * manifest.heads * manifest.head_size);
  const auto second = static_cast<std::size_t>(manifest.second_heads * manifest.second_head_size);
  return 2 * static_cast<std::size_t>(manifest.max_context) *
         (layers * DataTypeSize(manifest.cache_type) + second * sizeof(float));
}

std::uint64_t KronosModel::weight_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& graph : {encoder, predictor, second_head, decoder}) bytes += graph->manifest().weight_bytes;
  return bytes;
}

Result<std::shared_ptr<const KronosModel>> LoadKronos(Backend& backend, const std::filesystem::path& folder) {
  const auto manifest = ReadKronosManifest(folder);
  if (!manifest) return std::unexpected(manifest.error());
  auto model = std::make_shared<KronosModel>();
  model->manifest = *manifest;
  const std::int64_t vocabulary = std::int64_t{1} << manifest->bits;
  const auto layers = static_cast<std::size_t>(manifest->layers);
  const auto decoder_layers = static_cast<std::size_t>(manifest->decoder_layers);
  const Shape second{-1, manifest->second_heads, -1, manifest->second_head_size};
  const std::pair<Expected, std::shared_ptr<const Model>*> graphs[] = {
      {{kEncoderGraph, 3, 1, "tokens", {-1, -1, 2}}, &model->encoder},
      {{kPredictorGraph, 6 + 2 * layers, 4 + 2 * layers, "logits", {-1, vocabulary}}, &model->predictor},
      {{kSecondHeadGraph, 8, 3, "present_key", second}, &model->second_head},
      {{kDecoderGraph, 4 + 2 * decoder_layers, 1 + 2 * decoder_layers, "candles", {-1, -1, kColumns}}, &model->decoder},
  };
  for (const auto& [expected, into] : graphs) {
    auto loaded = LoadGraph(backend, folder, expected);
    if (!loaded) return Forward(loaded);
    *into = std::move(*loaded);
  }
  return model;
}

}  // namespace weir::forecast
