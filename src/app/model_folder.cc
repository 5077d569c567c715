#include "app/model_folder.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/tensor_servable.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

// What may stand in a URL and in a metric label without being escaped.
bool GoodName(const std::string& name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, good);
}

}  // namespace

Status ModelFolders::AddAll(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) {
    return Fail(Code::kNotFound,
                fmt::format("the models folder {} cannot be read: {}", folder.string(), error.message()));
  }
  for (const fs::directory_entry& entry : entries) {
    if (entry.path().filename().string().starts_with('.') || !entry.is_directory(error)) continue;
    Result<std::string> added = AddOne(entry.path());
    if (!added) return Forward(added);
  }
  return {};
}

Result<std::string> ModelFolders::AddOne(const fs::path& model_folder) {
  // "models/minilm/" and "." end in no name of their own.
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(model_folder, error);
  if (error || !fs::is_directory(whole, error)) {
    return Fail(Code::kNotFound, fmt::format("there is no model folder {}", model_folder.string()));
  }
  const bool named = model_folder.has_filename() && model_folder.filename() != "." && model_folder.filename() != "..";
  // A name with odd bytes is refused at load, with this name in lists and metrics.
  std::string name = (named ? model_folder : whole).filename().string();
  std::ranges::replace_if(name, [](char c) { return c < ' ' || c > '~'; }, '?');
  const auto [place, fresh] = folders_.emplace(name, model_folder);
  if (!fresh) {
    return Fail(Code::kConflict, fmt::format("there are two models '{}': {} and {}", name, place->second.string(),
                                             model_folder.string()));
  }
  return name;
}

std::vector<std::string> ModelFolders::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, folder] : folders_) names.push_back(name);
  return names;
}

std::filesystem::path ModelFolders::GraphOf(const std::string& name) const {
  const auto found = folders_.find(name);
  return found == folders_.end() ? fs::path() : found->second / "model.onnx";
}

Result<std::shared_ptr<const Servable>> ModelFolders::Load(const std::string& name) {
  const auto found = folders_.find(name);
  if (found == folders_.end()) return Fail(Code::kNotFound, fmt::format("there is no folder of a model '{}'", name));
  const fs::path& folder = found->second;
  if (!GoodName(name)) {
    return Fail(Code::kUnprocessable,
                fmt::format("'{}' is no name for a model: letters, digits, '.', '_' and '-' are allowed", name));
  }
  std::error_code ignored;
  if (!fs::exists(folder / "model.onnx", ignored)) {
    return Fail(Code::kUnprocessable, fmt::format("{} has no model.onnx", folder.string()));
  }
  if (fs::exists(folder / "tokenizer.json", ignored)) return texts_.Load(name, folder);
  Result<std::shared_ptr<const Model>> model = backend_.Load(folder / "model.onnx");
  if (!model) return Forward(model);
  return MakeTensorServable(std::move(*model));
}

}  // namespace weir::app
