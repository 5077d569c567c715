#include "app/model_reference.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "app/model_folder.h"
#include "app/pull_plan.h"
#include "base/nearest.h"
#include "hub/options.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

bool IsFolder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// A folder of model folders, taken for one of them.
bool HoldsModels(const fs::path& folder) {
  if (VersionsIn(folder).front() != 0) return false;  // it is one model with versions
  const Result<std::vector<std::string>> files = ListModelFiles(folder);
  if (!files || ChooseOnnxFile(*files, "")) return false;
  for (const std::string& file : *files) {
    if (file.ends_with("/model.onnx")) return true;
  }
  return false;
}

std::unexpected<Error> NotFound(const std::string& text, const std::vector<fs::path>& models) {
  std::vector<std::string> names;
  std::string places;
  for (const fs::path& folder : models) {
    Result<std::vector<std::string>> there = ModelNames(folder);
    if (!there) return Forward(there);
    names.insert(names.end(), there->begin(), there->end());
    places += fmt::format("{}{}", places.empty() ? "" : ", ", folder.string());
  }
  std::string message =
      fmt::format("there is no model '{}', neither as a folder nor under {}{}", text, places, DidYouMean(text, names));
  if (text.find('/') != text.npos && hub::ParseReference(text)) {
    message += fmt::format("; the one on the hub is hf:{}", text);
  }
  return Fail(Code::kNotFound, std::move(message));
}

Result<ModelSource> FindFolder(const fs::path& folder, const std::string& file) {
  if (HoldsModels(folder)) {
    return InvalidArgument(
        fmt::format("{} is a folder of model folders: serve them all with --models {}, or name one of them",
                    folder.string(), folder.string()));
  }
  if (!file.empty()) {
    const Result<std::vector<std::string>> files = ListModelFiles(folder);
    if (!files) return std::unexpected(files.error());
    const Result<OnnxChoice> choice = ChooseOnnxFile(*files, file);
    if (!choice) return Fail(choice.error().code, fmt::format("{} {}", folder.string(), choice.error().message));
  }
  return ModelSource{.folder = folder, .file = file};
}

}  // namespace

Result<HubModel> FetchModel(const hub::Reference& reference, const std::string& file, hub::Listener& listener,
                            std::stop_token stop) {
  Result<hub::Options> options = hub::OptionsFrom([](const char* name) -> const char* { return std::getenv(name); });
  if (!options) return Forward(options);
  HubModel model;
  const auto select = [&](std::span<const std::string> files) -> Result<std::vector<std::string>> {
    Result<PullPlan> plan = PlanPull(files, file);
    if (!plan) {
      std::string message = fmt::format("{} {}", reference.repository, plan.error().message);
      if (std::ranges::find(files, kSafetensors) != files.end()) {
        message += fmt::format("; it has {}: 'weir models pull {} --file {}' fetches it and says how to convert it",
                               kSafetensors, reference.repository, kSafetensors);
      }
      return Fail(plan.error().code, std::move(message));
    }
    model.graph = plan->graph.file;
    model.why = plan->graph.why;
    model.lossy = plan->graph.lossy;
    return std::move(plan->files);
  };
  Result<hub::Snapshot> snapshot = hub::Pull(*options, reference, select, listener, std::move(stop));
  if (!snapshot) return Forward(snapshot);
  model.snapshot = std::move(*snapshot);
  return model;
}

Result<ModelSource> FindModel(const std::string& text, const std::string& file, const std::vector<fs::path>& models,
                              hub::Listener& listener, std::stop_token stop) {
  if (hub::IsReference(text)) {
    Result<hub::Reference> reference = hub::ParseReference(text);
    if (!reference) return Forward(reference);
    Result<HubModel> model = FetchModel(*reference, file, listener, std::move(stop));
    if (!model) return Forward(model);
    if (!model->snapshot.offline.empty()) {
      listener.OnNotice(
          fmt::format("{} is taken from the cache, the hub was not reached: {}", text, model->snapshot.offline));
    }
    return ModelSource{.folder = model->snapshot.folder, .name = reference->ShortName(), .file = model->graph};
  }
  if (IsFolder(text)) return FindFolder(text, file);
  for (const fs::path& folder : models) {
    if (text.find('/') == text.npos && IsFolder(folder / text)) return FindFolder(folder / text, file);
  }
  return NotFound(text, models);
}

}  // namespace weir::app
