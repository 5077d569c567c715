#include "app/inspection.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "app/model_folder.h"
#include "base/memory.h"
#include "base/user_folders.h"
#include "model/onnx/onnx_backend.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

// Of a text model's folder, beside the graph and its weights.
constexpr std::array<std::string_view, 7> kTextFiles = {"tokenizer.json",
                                                        "head.onnx",
                                                        "config.json",
                                                        "tokenizer_config.json",
                                                        "modules.json",
                                                        "sentence_bert_config.json",
                                                        "config_sentence_transformers.json"};

// In a module's folder: "1_Pooling/config.json", "2_Dense/model.safetensors".
bool IsModuleFile(const std::string& file) {
  return !file.starts_with("onnx/") && (file.ends_with("/config.json") || file.ends_with("/model.safetensors"));
}

std::vector<std::pair<std::string, std::uint64_t>> FilesRead(const fs::path& folder, const std::string& graph,
                                                             std::span<const std::string> files, bool text) {
  std::vector<std::string> names = {graph};
  std::ranges::copy(ExternalDataNames(files, graph), std::back_inserter(names));
  for (const std::string& file : files) {
    const bool known = std::ranges::find(kTextFiles, file) != kTextFiles.end();
    if (text && (known || IsModuleFile(file))) names.push_back(file);
  }
  std::vector<std::pair<std::string, std::uint64_t>> sizes;
  for (std::string& name : names) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(folder / name, error);
    sizes.emplace_back(std::move(name), error ? 0 : size);
  }
  return sizes;
}

}  // namespace

Result<Inspection> InspectModel(const ModelSource& source) {
  const std::uint64_t before = ResidentMemory();
  const std::unique_ptr<Backend> backend = MakeOnnxBackend({.copies = GraphCopiesFolder()});
  ModelFolders folders(*backend);
  const Result<std::string> name = folders.AddOne(source);
  if (!name) return std::unexpected(name.error());
  Result<std::shared_ptr<const Servable>> servable = folders.Load(*name);
  if (!servable) return Forward(servable);
  const Status proven = (*servable)->WarmUp();
  if (!proven) {
    return Fail(proven.error().code,
                fmt::format("{}: its first run failed: {}", source.folder.string(), proven.error().message));
  }
  ReturnFreedMemory();
  const std::uint64_t after = ResidentMemory();
  Inspection inspection{.name = *name,
                        .folder = source.folder.string(),
                        .graph = {},
                        .files = {},
                        .resident = after > before ? after - before : 0,
                        .servable = *servable,
                        .text = std::dynamic_pointer_cast<const TextModel>(*servable)};
  const fs::path folder = NewestIn(source.folder);
  const Result<std::vector<std::string>> files = ListModelFiles(folder);
  if (!files) return std::unexpected(files.error());
  Result<OnnxChoice> graph = ChooseOnnxFile(*files, source.file);
  if (!graph) return Forward(graph);
  inspection.graph = std::move(*graph);
  inspection.files = FilesRead(folder, inspection.graph.file, *files, inspection.text != nullptr);
  return inspection;
}

}  // namespace weir::app
