#include "forecast/kronos_manifest.h"

#include <fmt/format.h>

#include "folder/json_file.h"

namespace weir::forecast {
namespace {

constexpr std::int64_t kMost = 1 << 20;

}  // namespace

std::vector<std::string> KronosGraphs() {
  std::vector<std::string> files;
  for (const char* graph : {kEncoderGraph, kPredictorGraph, kSecondHeadGraph, kDecoderGraph}) {
    files.push_back(std::string(graph) + ".onnx");
  }
  return files;
}

Result<KronosManifest> ReadKronosManifest(const std::filesystem::path& folder) {
  auto read = JsonFile::Read(folder / kKronosManifest);
  if (!read) return Forward(read);
  if (!*read) return Fail(Code::kNotFound, fmt::format("{} has no {}", folder.string(), kKronosManifest));
  const JsonFile& file = **read;
  if (file["format"].Whole() != kKronosFormat) {
    return file.Refuse(
        fmt::format("'format' is not {}: convert the model again with `weir models convert kronos`", kKronosFormat));
  }
  KronosManifest manifest;
  const std::pair<const char*, std::int64_t*> entries[] = {
      {"bits", &manifest.bits},
      {"width", &manifest.width},
      {"layers", &manifest.layers},
      {"heads", &manifest.heads},
      {"head_size", &manifest.head_size},
      {"second_heads", &manifest.second_heads},
      {"second_head_size", &manifest.second_head_size},
      {"decoder_heads", &manifest.decoder_heads},
      {"decoder_head_size", &manifest.decoder_head_size},
      {"max_context", &manifest.max_context},
      {"max_candles", &manifest.max_candles},
  };
  for (const auto& [key, into] : entries) {
    const auto number = file[key].Whole();
    if (!number || *number < 1 || *number > kMost) {
      return file.Refuse(fmt::format("'{}' must be a whole number from 1 to {}", key, kMost));
    }
    *into = *number;
  }
  // A tokenizer may do without them.
  const auto decoder_layers = file["decoder_layers"].Whole();
  if (!decoder_layers || *decoder_layers < 0 || *decoder_layers > kMost) {
    return file.Refuse(fmt::format("'decoder_layers' must be a whole number from 0 to {}", kMost));
  }
  manifest.decoder_layers = *decoder_layers;
  manifest.clip = file["clip"].Number().value_or(0);
  if (!(manifest.clip > 0)) return file.Refuse("'clip' must be a number above 0");
  const auto type = DataTypeFromName(file["cache_type"].Text().value_or(""));
  if (type != DataType::kFp32 && type != DataType::kFp16) return file.Refuse("'cache_type' must be FP32 or FP16");
  manifest.cache_type = *type;
  return manifest;
}

}  // namespace weir::forecast
