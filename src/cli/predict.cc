// `weir predict`: answers on the command line, without a server.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

#include "app/core.h"
#include "base/log.h"
#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/fail.h"
#include "codec/text_json.h"

namespace weir::cli {
namespace {

struct PredictFlags {
  std::string model;
  std::vector<std::string> texts;
  std::string models = "models";
  std::size_t top_k = 0;
  bool truncate = false;
};

// MODEL is a folder, or the name of one under --models.
std::string AddModel(app::Core& core, const PredictFlags& flags) {
  std::error_code ignored;
  const std::filesystem::path named = std::filesystem::path(flags.models) / flags.model;
  const bool is_path = std::filesystem::is_directory(flags.model, ignored);
  if (!is_path && !std::filesystem::is_directory(named, ignored)) {
    QuitUnless(core.folders.AddAll(flags.models));
    const std::vector<std::string> names = core.folders.Names();
    Quit({Code::kNotFound, fmt::format("there is no model '{}', neither as a folder nor under {}{}", flags.model,
                                       flags.models, DidYouMean(flags.model, names))});
  }
  const Result<std::string> name = core.folders.AddOne(is_path ? std::filesystem::path(flags.model) : named);
  QuitUnless(name);
  return *name;
}

void Predict(const PredictFlags& flags) {
  log::SetLevel(log::Level::kOff);
  app::Config config;
  QuitUnless(app::LoadConfig({}, config));
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
  command->add_option("model", flags->model, "A model folder, or the name of one under --models")->required();
  command->add_option("texts", flags->texts, "Texts to answer")->required();
  command->add_option("--models", flags->models, "Folder whose sub-folders are models")->capture_default_str();
  command->add_option("--top-k", flags->top_k, "How many labels to print (default: all)")->check(CLI::PositiveNumber);
  command->add_flag("--truncate", flags->truncate, "Cut texts that are over the model's limit");
  command->footer(
      "Prints the body that /v1/classify or /v1/embeddings answers.\n\nExample:\n"
      "  weir predict models/sentiment \"What a lovely day.\" \"Never again.\"");
  command->callback([flags] { Predict(*flags); });
}

}  // namespace weir::cli
