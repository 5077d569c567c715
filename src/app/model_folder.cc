#include "app/model_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/folder_hints.h"
#include "base/log.h"
#include "engine/tensor_servable.h"
#include "model/onnx_files.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

bool SameFolder(const fs::path& a, const fs::path& b) {
  std::error_code ignored;
  return a == b || fs::equivalent(a, b, ignored);
}

// Files of which a tokenizer.json is made, and that a tensor model does not have.
bool IsTokenizerPart(const std::string& file) {
  static const std::array<std::string_view, 5> kParts = {"vocab.txt", "tokenizer_config.json", "spiece.model",
                                                         "sentencepiece.bpe.model", "merges.txt"};
  return std::ranges::find(kParts, file) != kParts.end();
}

}  // namespace

bool IsModelName(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, good);
}

Result<std::vector<std::string>> ModelNames(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    std::string name = entry->path().filename().string();
    if (!name.starts_with('.') && entry->is_directory(ignored)) names.push_back(std::move(name));
  }
  if (error) {
    return Fail(Code::kNotFound,
                fmt::format("the models folder {} cannot be read: {}", folder.string(), error.message()));
  }
  std::ranges::sort(names);
  return names;
}

Status ModelFolders::AddAll(const fs::path& folder) {
  Result<std::vector<std::string>> names = ModelNames(folder);
  if (!names) return Forward(names);
  const MutexLock lock(mu_);
  for (const std::string& name : *names) {
    Result<std::string> added = Add({.folder = folder / name});
    if (!added) return Forward(added);
    watchlist_.Know(*added, folder / name);
  }
  roots_.push_back(folder);
  return {};
}

FolderChanges ModelFolders::Rescan(bool& pending) {
  const MutexLock lock(mu_);
  std::map<std::string, fs::path> present;
  for (const fs::path& root : roots_) {
    const Result<std::vector<std::string>> names = ModelNames(root);
    if (!names) continue;  // the whole folder is gone: so are its models
    for (const std::string& name : *names) present.try_emplace(name, root / name);
  }
  FolderChanges changes = watchlist_.Look(present, pending);
  for (const std::string& name : changes.added) sources_.insert_or_assign(name, ModelSource{.folder = present[name]});
  for (const std::string& name : changes.removed) sources_.erase(name);
  return changes;
}

Result<std::string> ModelFolders::AddOne(ModelSource source) {
  const MutexLock lock(mu_);
  return Add(std::move(source));
}

Result<std::string> ModelFolders::Add(ModelSource source) {
  // "models/minilm/" and "." end in no name of their own.
  const fs::path& folder = source.folder;
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(folder, error);
  if (error || !fs::is_directory(whole, error)) {
    return Fail(Code::kNotFound, fmt::format("there is no model folder {}", folder.string()));
  }
  const bool named = folder.has_filename() && folder.filename() != "." && folder.filename() != "..";
  std::string name = source.name.empty() ? (named ? folder : whole).filename().string() : source.name;
  // A name with odd bytes is refused at load, with this name in lists and metrics.
  std::ranges::replace_if(name, [](char c) { return c < ' ' || c > '~'; }, '?');
  const auto [place, fresh] = sources_.emplace(name, source);
  if (!fresh) {
    ModelSource& known = place->second;
    if (!SameFolder(known.folder, folder) || (!known.file.empty() && !source.file.empty())) {
      return Fail(Code::kConflict,
                  fmt::format("there are two models '{}': {} and {}", name, known.folder.string(), folder.string()));
    }
    if (known.file.empty()) known.file = source.file;
  }
  return name;
}

std::vector<std::string> ModelFolders::Names() const {
  std::vector<std::string> names;
  const MutexLock lock(mu_);
  for (const auto& [name, source] : sources_) names.push_back(name);
  return names;
}

// Without a folder for an unknown name.
ModelSource ModelFolders::SourceOf(const std::string& name) const {
  const MutexLock lock(mu_);
  const auto found = sources_.find(name);
  return found == sources_.end() ? ModelSource() : found->second;
}

std::filesystem::path ModelFolders::GraphOf(const std::string& name) const {
  const ModelSource source = SourceOf(name);
  if (source.folder.empty()) return {};
  const Result<std::vector<std::string>> files = ListModelFiles(source.folder);
  if (!files) return {};
  const Result<OnnxChoice> graph = ChooseOnnxFile(*files, source.file);
  return graph ? source.folder / graph->file : fs::path();
}

Result<std::shared_ptr<const Servable>> ModelFolders::Load(const std::string& name) {
  const ModelSource source = SourceOf(name);
  if (source.folder.empty()) return Fail(Code::kNotFound, fmt::format("there is no folder of a model '{}'", name));
  if (!IsModelName(name)) {
    return Fail(Code::kUnprocessable,
                fmt::format("'{}' is no name for a model: letters, digits, '.', '_' and '-' are allowed", name));
  }
  Result<std::vector<std::string>> files = ListModelFiles(source.folder);
  if (!files) return Forward(files);
  Result<OnnxChoice> graph = ChooseOnnxFile(*files, source.file);
  if (!graph) {
    return Fail(Code::kUnprocessable, fmt::format("{} {}{}", source.folder.string(), graph.error().message,
                                                  ConverterHint(source.folder, *files)));
  }
  if (graph->lossy) log::Warn("model '{}' runs {}: {}", name, graph->file, graph->why);
  if (std::ranges::find(*files, "tokenizer.json") != files->end()) {
    return texts_.Load(name, source.folder, graph->file);
  }
  if (const auto part = std::ranges::find_if(*files, IsTokenizerPart); part != files->end()) {
    return Fail(Code::kUnprocessable,
                fmt::format("{} has {} but no tokenizer.json: save the tokenizer as a fast one (transformers' "
                            "AutoTokenizer does by default)",
                            source.folder.string(), *part));
  }
  Result<std::shared_ptr<const Model>> model = backend_.Load(source.folder / graph->file);
  if (!model) return Forward(model);
  return MakeTensorServable(std::move(*model));
}

}  // namespace weir::app
