// What a folder with a converted Kronos model says of itself: kronos.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/tensor.h"

namespace weir::forecast {

// Names of the graphs and of the manifest in such a folder.
inline constexpr char kKronosManifest[] = "kronos.json";
inline constexpr char kEncoderGraph[] = "tok_encode";
inline constexpr char kPredictorGraph[] = "predictor";
inline constexpr char kSecondHeadGraph[] = "dep";
inline constexpr char kDecoderGraph[] = "tok_decode";

// Files of the graphs.
std::vector<std::string> KronosGraphs();

inline constexpr std::int64_t kKronosFormat = 2;

// A token has two parts of `bits` bits each. Sizes of heads are those of the graphs' tensors.
struct KronosManifest {
  std::int64_t bits = 0;
  std::int64_t width = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t head_size = 0;
  std::int64_t second_heads = 0;  // of the attention that gives a token's second part
  std::int64_t second_head_size = 0;
  std::int64_t decoder_layers = 0;  // of the graph that makes candles of tokens
  std::int64_t decoder_heads = 0;
  std::int64_t decoder_head_size = 0;
  std::int64_t max_context = 0;           // tokens that the predictor looks at
  std::int64_t max_candles = 0;           // that the tokenizer takes at once
  double clip = 0;                        // normalised values lie within -clip and clip
  DataType cache_type = DataType::kFp32;  // or FP16: of the keys and values of the layers
};

// Blocks. kNotFound when there is none, kUnprocessable when an entry is missing or out of range.
Result<KronosManifest> ReadKronosManifest(const std::filesystem::path& folder);

}  // namespace weir::forecast
