#include "http/choose_model.h"

#include <fmt/format.h>

#include <vector>

namespace weir::http {

Result<std::string> ChooseModel(const Engine& engine, const std::optional<std::string>& named,
                                const std::string& fallback, std::string_view task) {
  if (named) return *named;
  std::vector<std::string> fitting;
  std::string loading;
  const std::vector<ModelStatus> models = engine.States();
  for (const ModelStatus& model : models) {
    if (model.state == ModelState::kLoading) loading = model.name;
    // While it loads, or has failed, its task is not known: it is meant all the same, and says so itself.
    if (model.name == fallback && (model.task == task || model.task.empty())) return fallback;
    if (model.task == task) fitting.push_back(model.name);
  }
  // Nothing else can be meant; it may be this request that loads it.
  if (models.size() == 1 && models[0].task.empty()) return models[0].name;
  if (!loading.empty()) {
    return Fail(Code::kUnavailable,
                fmt::format("'model' is missing, and model '{}' is still loading: name one, or try again", loading));
  }
  if (fitting.size() == 1) return fitting[0];
  if (fitting.empty()) return Fail(Code::kNotFound, fmt::format("no model with the task {} is ready", task), "model");
  return InvalidArgument(fmt::format("'model' is missing; models with the task {}: {}", task, fmt::join(fitting, ", ")),
                         "model");
}

}  // namespace weir::http
