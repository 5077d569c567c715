// `weir models convert`: published weights to a folder of graphs.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <utility>

#include "cli/fail.h"
#include "cli/models.h"
#include "cli/terminal.h"
#include "convert/kronos.h"

namespace weir::cli {
namespace {

struct KronosFlags {
  convert::KronosOptions options;
  std::int64_t max_context = 0;
  std::string cache_type = "fp32";
};

void ConvertKronos(KronosFlags flags, bool is_context_given) {
  if (is_context_given) flags.options.max_context = flags.max_context;
  flags.options.cache_type = flags.cache_type == "fp16" ? DataType::kFp16 : DataType::kFp32;
  const bool shows = IsTerminal(STDERR_FILENO);
  const auto manifest = convert::ConvertKronos(flags.options, [&](std::string_view step, double done) {
    if (shows) fmt::print(stderr, "\r{:3.0f} %  {:30}", done * 100, step);
  });
  if (shows) fmt::print(stderr, "\r{:60}\r", "");
  QuitUnless(manifest);
  fmt::print("{}: {} layers of width {}, tokens of {} + {} bits, a context of {}\n", flags.options.out.string(),
             manifest->layers, manifest->width, manifest->bits, manifest->bits, manifest->max_context);
}

}  // namespace

void AddModelsConvert(CLI::App& models) {
  CLI::App* command =
      models.add_subcommand("convert", "Make a model folder of published weights; no PyTorch is needed");
  command->require_subcommand(1);
  CLI::App* kronos = command->add_subcommand("kronos", "A Kronos model that forecasts candles, with its tokenizer");
  auto flags = std::make_shared<KronosFlags>();
  kronos->add_option("--model", flags->options.model, "Folder with config.json and model.safetensors of the model")
      ->required();
  kronos->add_option("--tokenizer", flags->options.tokenizer, "The same of its tokenizer")->required();
  kronos->add_option("--out", flags->options.out, "Where the graphs go; files of that name there are replaced")
      ->required();
  auto* context = kronos->add_option("--max-context", flags->max_context,
                                     "Candles that the model looks back (default: 2048 for the mini size, else 512)");
  kronos->add_option("--clip", flags->options.clip, "Bound of normalised values")->capture_default_str();
  kronos
      ->add_option("--cache-type", flags->cache_type,
                   "Of the keys and values that a forecast keeps: fp16 takes half the memory, and is not exact")
      ->check(CLI::IsMember({"fp32", "fp16"}))
      ->capture_default_str();
  kronos->footer(
      "Example:\n  weir models convert kronos --model Kronos-small --tokenizer Kronos-Tokenizer-base --out "
      "models/kronos");
  kronos->callback([flags, context] { ConvertKronos(*flags, context->count() > 0); });
}

}  // namespace weir::cli
