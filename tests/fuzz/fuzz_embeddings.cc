// Bodies of /v1/embeddings and /v1/classify.
#include <cstdint>
#include <string_view>

#include "codec/text_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto embeddings = weir::codec::ParseEmbeddings(body);
  if (embeddings && (embeddings->texts.empty() || embeddings->texts.size() > weir::codec::kMaxTexts)) __builtin_trap();
  if (!embeddings && embeddings.error().message.empty()) __builtin_trap();
  const auto classify = weir::codec::ParseClassify(body);
  if (!classify && classify.error().message.empty()) __builtin_trap();
  return 0;
}
