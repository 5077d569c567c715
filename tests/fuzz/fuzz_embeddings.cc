// Bodies of /v1/embeddings, /v1/classify and /rerank.
#include <cstdint>
#include <string_view>

#include "codec/rerank_json.h"
#include "codec/text_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto check = [](const auto& parsed) {
    if (!parsed) {
      if (parsed.error().message.empty()) __builtin_trap();
      return;
    }
    const weir::TextRequest& request = parsed->request;
    if (request.texts.empty() || request.texts.size() > weir::kMaxTexts) __builtin_trap();
    if (!request.pairs.empty() && request.pairs.size() != request.texts.size()) __builtin_trap();
    if (!request.tokens.empty() && request.tokens.size() != request.texts.size()) __builtin_trap();
    for (const auto& [index, error] : request.unreadable) {
      if (index >= request.texts.size() || error.message.empty()) __builtin_trap();
    }
  };
  check(weir::codec::ParseEmbeddings(body));
  check(weir::codec::ParseClassify(body));
  check(weir::codec::ParseRerank(body));
  return 0;
}
