// `weir predict`: answers on the command line, without a server.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/core.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/dataset.h"
#include "cli/fail.h"
#include "cli/model_argument.h"
#include "codec/text_json.h"

namespace weir::cli {
namespace {

struct PredictFlags {
  ModelFlags model;
  std::vector<std::string> arguments;
  std::size_t top_k = 0;
  bool truncate = false;
  bool texts = false;  // no argument is a file
  DatasetFlags files;
};

bool IsInput(const std::string& argument) {
  std::error_code ignored;
  return argument == "-" || std::filesystem::exists(argument, ignored);
}

// Whether a person would call this the name of a file, although there is none.
bool LooksLikeFile(const std::string& argument) {
  const std::string ending = std::filesystem::path(argument).extension().string();
  return argument.find(' ') == std::string::npos &&
         (ending == ".txt" || ending == ".jsonl" || ending == ".ndjson" || ending == ".csv" || ending == ".tsv");
}

void Predict(const PredictFlags& flags) {
  log::SetLevel(log::Level::kOff);
  app::Config config;
  QuitUnless(app::LoadConfig({}, config));
  config.engine.deployment.measure_when_idle = false;  // what is known is used; a command does not stay to learn
  Metrics metrics;
  app::Core core(config, metrics);
  const std::string name = AddModel(core, flags.model);
  QuitUnless(core.engine.LoadAndWait(name));
  const std::string task = core.engine.States()[0].task;
  TextRequest request{.model = name, .texts = flags.arguments, .truncate = flags.truncate};
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

// Texts are answered as one HTTP request; files record by record.
void PredictOrRun(const PredictFlags& flags) {
  const auto inputs = static_cast<std::size_t>(std::ranges::count_if(flags.arguments, IsInput));
  if (!flags.texts && inputs == flags.arguments.size()) {
    RunDataset({.model = flags.model, .inputs = flags.arguments, .top_k = flags.top_k, .truncate = flags.truncate},
               flags.files);
    return;
  }
  for (const std::string& argument : flags.arguments) {
    const bool mixed = inputs > 0;
    if (flags.texts || IsInput(argument) || !(mixed || LooksLikeFile(argument))) continue;
    Quit({Code::kNotFound, fmt::format("there is no file '{}'; --texts answers every argument as a text", argument)});
  }
  if (!flags.files.output.empty() || flags.files.resume || !flags.files.format.empty()) {
    Quit({Code::kInvalidArgument, "--output, --format and --resume are for files of texts: name a file, or '-'"});
  }
  Predict(flags);
}

}  // namespace

void AddPredict(CLI::App& program) {
  CLI::App* command = program.add_subcommand("predict", "Answer texts on the command line, as HTTP would");
  auto flags = std::make_shared<PredictFlags>();
  AddModelFlags(*command, flags->model);
  command->add_option("inputs", flags->arguments, "Texts to answer; or files of texts, '-' for standard input")
      ->required()
      ->type_name("");
  command->add_option("--top-k", flags->top_k, "How many labels to print (default: all)")->check(CLI::PositiveNumber);
  command->add_flag("--truncate", flags->truncate, "Cut texts that are over the model's limit");
  command->add_flag("--texts", flags->texts, "Every argument is a text, also one that names a file");
  AddDatasetFlags(*command, flags->files);
  command->footer(
      "Texts: prints the body that /v1/classify or /v1/embeddings answers. Files: lines, JSON lines or CSV in, one\n"
      "record for each text out, in order; in bounded memory, on all cores; --resume goes on after a cut. Exit code "
      "3:\n"
      "some texts could not be answered, and their records say why.\n\n"
      "Examples:\n"
      "  weir predict models/sentiment \"What a lovely day.\" \"Never again.\"\n"
      "  printf 'Lovely.\\nNever again.\\n' | weir predict models/sentiment - --format csv\n"
      "  echo '{\"review\": \"Lovely.\"}' | weir predict models/sentiment - --input-format jsonl --field review");
  command->callback([flags] { PredictOrRun(*flags); });
}

}  // namespace weir::cli
