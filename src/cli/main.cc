// The program `weir`.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "base/version.h"
#include "cli/commands.h"
#include "model/onnx/onnx_backend.h"

int main(int argc, char** argv) {
  CLI::App program("Weir serves models: one process, one copy of the weights, every request with a deadline.", "weir");
  program.set_version_flag(
      "--version", [] { return fmt::format("weir {} (ONNX Runtime {})", weir::kVersion, weir::OnnxRuntimeVersion()); });
  program.footer(
      "Examples:\n"
      "  weir serve --models models --port 8000\n"
      "  weir predict models/sentiment \"What a lovely day.\"\n"
      "  weir options");
  program.require_subcommand(1);
  weir::cli::AddServe(program);
  weir::cli::AddPredict(program);
  weir::cli::AddEmbed(program);
  weir::cli::AddConfig(program);
  weir::cli::AddDoctor(program);
  weir::cli::AddOptions(program);
  CLI11_PARSE(program, argc, argv);
  return 0;
}
