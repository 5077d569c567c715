// The tokenizer library through its C face: a tokenizer.json of any bytes, and any bytes as a text.
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "text/tokenizer.h"

namespace {

// A word-level tokenizer with three words: small enough to be read for each input.
constexpr std::string_view kSmall =
    R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":{"type":"Lowercase"},)"
    R"("pre_tokenizer":{"type":"Whitespace"},"post_processor":null,"decoder":null,)"
    R"("model":{"type":"WordLevel","vocab":{"[UNK]":0,"a":1,"b":2},"unk_token":"[UNK]"}})";

std::filesystem::path WriteFile(std::string_view bytes) {
  static const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("weir_fuzz_tokenizer_" + std::to_string(::getpid()) + ".json");
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static const auto small = *weir::Tokenizer::Load(WriteFile(kSmall));
  for (const bool truncate : {false, true}) {
    const auto ids = small->Encode(bytes, {.max_tokens = 8, .truncate = truncate});
    if (ids && (ids->ids.size() > 8 || ids->ids.size() != ids->type_ids.size())) __builtin_trap();
  }
  const auto windows = small->EncodeWindows({.text = bytes}, {.max_tokens = 8, .overlap = 3});
  if (windows) {
    for (const weir::TokenIds& window : *windows) {
      if (window.ids.size() > 8 || window.ids.size() != window.type_ids.size()) __builtin_trap();
    }
  }
  const auto read = weir::Tokenizer::Load(WriteFile(bytes));
  if (read) {
    const auto ids = (*read)->Encode("a b c");
    if (ids && ids->ids.size() != ids->type_ids.size()) __builtin_trap();
  }
  return 0;
}
