// `weir predict`: answers on the command line, without a server.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/core.h"
#include "app/model_reference.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/fail.h"
#include "cli/pull_progress.h"
#include "codec/text_json.h"

namespace weir::cli {
namespace {

struct PredictFlags {
  std::string model;
  std::vector<std::string> texts;
  std::string models = "models";
  std::string file;
  std::size_t top_k = 0;
  bool truncate = false;
};

std::string AddModel(app::Core& core, const PredictFlags& flags) {
  PullProgress progress;
  Result<app::ModelSource> source = app::FindModel(flags.model, flags.file, {flags.models}, progress, {});
  QuitUnless(source);
  const Result<std::string> name = core.folders.AddOne(std::move(*source));
  QuitUnless(name);
  return *name;
}

void Predict(const PredictFlags& flags) {
  log::SetLevel(log::Level::kOff);
  app::Config config;
  QuitUnless(app::LoadConfig({}, config));
  config.engine.deployment.measure_when_idle = false;  // what is known is used; a command does not stay to learn
  Metrics metrics;
  app::Core core(config, metrics);
  const std::string name = AddModel(core, flags);
  QuitUnless(core.engine.LoadAndWait(name));
  const std::string task = core.engine.States()[0].task;
  TextRequest request{.model = name, .texts = flags.texts, .truncate = flags.truncate};
  request.top_k = flags.top_k;
  if (task == "classification") {
    const Result<Classifications> answer = core.texts.ClassifyAndWait(std::move(request));
    QuitUnless(answer);
    fmt::print("{}\n", codec::WriteClassifications(*answer, name));
  } else if (task == "embedding") {
    if (flags.top_k > 0) Quit({Code::kInvalidArgument, fmt::format("--top-k is for labels; '{}' embeds", name)});
    const Result<Embeddings> answer = core.texts.EmbedAndWait(std::move(request));
    QuitUnless(answer);
    fmt::print("{}\n", codec::WriteEmbeddings(*answer, codec::VectorFormat::kNumbers, name));
  } else {
    Quit({Code::kInvalidArgument, fmt::format("model '{}' takes tensors, not texts; serve it and use "
                                              "/v2/models/{}/infer",
                                              name, name)});
  }
}

}  // namespace

void AddPredict(CLI::App& program) {
  CLI::App* command = program.add_subcommand("predict", "Answer texts on the command line, as HTTP would");
  auto flags = std::make_shared<PredictFlags>();
  command->add_option("model", flags->model, "A model folder, the name of one under --models, or hf:ORG/NAME")
      ->required();
  command->add_option("texts", flags->texts, "Texts to answer")->required();
  command->add_option("--models", flags->models, "Folder whose sub-folders are models")->capture_default_str();
  command->add_option("--file", flags->file, "The graph to take, over the order of choice");
  command->add_option("--top-k", flags->top_k, "How many labels to print (default: all)")->check(CLI::PositiveNumber);
  command->add_flag("--truncate", flags->truncate, "Cut texts that are over the model's limit");
  command->footer(
      "Prints the body that /v1/classify or /v1/embeddings answers.\n\nExample:\n"
      "  weir predict models/sentiment \"What a lovely day.\" \"Never again.\"");
  command->callback([flags] { Predict(*flags); });
}

}  // namespace weir::cli
