// `weir predict`: answers on the command line, without a server.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <future>
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

std::string Classify(app::Core& core, TextRequest request, std::size_t top_k) {
  const std::string model = request.model;
  std::promise<Result<Classifications>> promise;
  core.texts.Classify(std::move(request), top_k,
                      [&](Result<Classifications> answer) { promise.set_value(std::move(answer)); });
  const Result<Classifications> answer = promise.get_future().get();
  QuitUnless(answer);
  return codec::WriteClassifications(*answer, model);
}

std::string Embed(app::Core& core, TextRequest request) {
  const std::string model = request.model;
  std::promise<Result<Embeddings>> promise;
  core.texts.Embed(std::move(request), [&](Result<Embeddings> answer) { promise.set_value(std::move(answer)); });
  const Result<Embeddings> answer = promise.get_future().get();
  QuitUnless(answer);
  const Result<std::string> json = codec::WriteEmbeddings(*answer, {}, model);
  QuitUnless(json);
  return *json;
}

void Predict(const PredictFlags& flags) {
  log::SetLevel(log::Level::kOff);
  app::Core core{app::Config()};
  const std::string name = AddModel(core, flags);
  QuitUnless(core.engine.LoadAndWait(name));
  const std::string task = core.engine.States()[0].task;
  TextRequest request{.model = name, .texts = flags.texts, .truncate = flags.truncate};
  if (task == "classification") {
    fmt::print("{}\n", Classify(core, std::move(request), flags.top_k));
  } else if (task == "embedding") {
    fmt::print("{}\n", Embed(core, std::move(request)));
  } else {
    Quit({Code::kInvalidArgument, fmt::format("model '{}' takes tensors, not texts; serve it and use "
                                              "/v2/models/{}/infer", name, name)});
  }
}

}  // namespace

void AddPredict(CLI::App& program) {
  CLI::App* command = program.add_subcommand("predict", "Answer texts on the command line, as HTTP would");
  auto flags = std::make_shared<PredictFlags>();
  command->add_option("model", flags->model, "A model folder, or the name of one under --models")->required();
  command->add_option("texts", flags->texts, "Texts to answer")->required();
  command->add_option("--models", flags->models, "Folder whose sub-folders are models")->capture_default_str();
  command->add_option("--top-k", flags->top_k, "How many labels to print (default: all)");
  command->add_flag("--truncate", flags->truncate, "Cut texts that are over the model's limit");
  command->footer("Prints the body that /v1/classify or /v1/embeddings answers.\n\nExample:\n"
                  "  weir predict models/sentiment \"What a lovely day.\" \"Never again.\"");
  command->callback([flags] { Predict(*flags); });
}

}  // namespace weir::cli
