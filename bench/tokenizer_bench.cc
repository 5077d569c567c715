// Texts of 15 and 300 words to token ids. Needs the tokenizer.json that WEIR_BENCH_TOKENIZER names.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "text/tokenizer.h"

namespace weir {
namespace {

// `words` words, in sentences of fifteen.
std::string Words(std::int64_t words) {
  static constexpr const char* kSentence[] = {"The", "morning", "train",  "was",  "late",     "again", "because", "of",
                                              "an",  "unusual", "signal", "near", "Brighton", "old",   "station."};
  std::string text;
  for (std::int64_t i = 0; i < words; ++i) {
    if (i > 0) text += ' ';
    text += kSentence[static_cast<std::size_t>(i) % std::size(kSentence)];
  }
  return text;
}

void BM_Tokenizer(benchmark::State& state) {
  const char* file = std::getenv("WEIR_BENCH_TOKENIZER");
  if (file == nullptr) return state.SkipWithError("WEIR_BENCH_TOKENIZER is not set");
  const auto tokenizer = Tokenizer::Load(file);
  if (!tokenizer) return state.SkipWithError(tokenizer.error().message.c_str());
  const std::string text = Words(state.range(0));
  for (auto _ : state) {
    auto ids = (*tokenizer)->Encode(text);
    benchmark::DoNotOptimize(ids);
  }
}
BENCHMARK(BM_Tokenizer)->ArgName("words")->Arg(15)->Arg(300)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace weir
