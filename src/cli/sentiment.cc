// `weir sentiment`: texts answered as the sentiment service answers them.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/fail.h"
#include "codec/sentiment_json.h"
#include "model/onnx/onnx_backend.h"
#include "sentiment/service.h"

namespace weir::cli {
namespace {

struct SentimentFlags {
  std::string model;
  std::vector<std::string> texts;
  std::size_t max_text_length = 512;
};

void Answer(const SentimentFlags& flags) {
  const std::unique_ptr<Backend> backend = MakeOnnxBackend();
  OneTextModel loader(*backend, flags.model);
  Metrics metrics;
  Engine engine({}, loader, Clock::Steady(), metrics);
  ThreadPool tokenizers(1, "tokenize");
  TextService texts(engine, tokenizers);
  const sentiment::Service service(texts, Clock::Steady(), flags.max_text_length);
  QuitUnless(engine.LoadAndWait(loader.name()));
  for (const std::string& text : flags.texts) {
    auto answer =
        service.PredictAndWait({.model = loader.name(), .text = text, .long_text = sentiment::LongText::kCut});
    QuitUnless(answer);
    fmt::print("{}\n", codec::WriteSentiment(*answer));
  }
}

}  // namespace

void AddSentiment(CLI::App& program) {
  CLI::App* command =
      program.add_subcommand("sentiment", "Answer texts as the sentiment service does, without a server");
  auto flags = std::make_shared<SentimentFlags>();
  command->add_option("model", flags->model, "Model folder of a classifier")->required();
  command->add_option("text", flags->texts, "Texts; each is answered with a line of JSON")->required();
  command->add_option("--max-text-length", flags->max_text_length,
                      "Characters of a text that are looked at (default 512)");
  command->footer("Example:\n  weir sentiment models/sentiment \"What a lovely day.\"");
  command->callback([flags] { Answer(*flags); });
}

}  // namespace weir::cli
