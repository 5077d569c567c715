// Answers texts as the sentiment service does, without a server: sentiment models/sentiment "a text" "another"
#include <cstdio>

#include "codec/sentiment_json.h"
#include "model/onnx/onnx_backend.h"
#include "sentiment/service.h"

int main(int argc, char** argv) {
  if (argc < 3) return std::fputs("usage: sentiment MODEL_FOLDER TEXT...\n", stderr), 2;
  const auto backend = weir::MakeOnnxBackend();
  weir::OneTextModel loader(*backend, argv[1]);
  weir::Metrics metrics;
  weir::EngineOptions options;
  options.deployment.cache_bytes = 4 << 20;
  weir::Engine engine(options, loader, weir::Clock::Steady(), metrics);
  weir::ThreadPool tokenizers(1, "tokenize");
  weir::TextService texts(engine, tokenizers);
  const weir::sentiment::Service service(texts, weir::Clock::Steady(), 512);
  if (auto loaded = engine.LoadAndWait(loader.name()); !loaded) return std::puts(loaded.error().message.c_str()), 1;
  for (int i = 2; i < argc; ++i) {
    const auto answer =
        service.PredictAndWait({.model = loader.name(), .text = argv[i], .long_text = weir::sentiment::LongText::kCut});
    if (!answer) return std::puts(answer.error().message.c_str()), 1;
    std::puts(weir::codec::WriteSentiment(*answer).c_str());
  }
}
