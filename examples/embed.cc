// Embeds its arguments with a model folder, by the core alone: embed models/minilm "a text" "another"
#include <cstdio>
#include <span>

#include "model/onnx/onnx_backend.h"
#include "text/text_service.h"

int main(int argc, char** argv) {
  if (argc < 3) return std::fputs("usage: embed MODEL_FOLDER TEXT...\n", stderr), 2;
  const auto backend = weir::MakeOnnxBackend();
  weir::OneTextModel loader(*backend, argv[1]);
  weir::Metrics metrics;
  weir::Engine engine({}, loader, weir::Clock::Steady(), metrics);
  weir::ThreadPool tokenizers(1, "tokenize");
  weir::TextService texts(engine, tokenizers);
  weir::TextRequest request{.model = loader.name()};
  request.texts.assign(argv + 2, argv + argc);
  if (auto loaded = engine.LoadAndWait(loader.name()); !loaded) return std::puts(loaded.error().message.c_str()), 1;
  const auto answer = texts.EmbedAndWait(std::move(request));
  if (!answer) return std::puts(answer.error().message.c_str()), 1;
  for (const weir::Tensor& vector : answer->vectors) {
    for (const float value : vector.As<float>().first(4)) std::printf("%.5f ", value);
    std::puts("...");
  }
}
