// What to ask of a server or a model: its doors, and the bodies that fit them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/tensor.h"

namespace weir::load {

enum class Door { kEmbeddings, kClassify, kInfer };

std::string_view DoorName(Door door);           // "embeddings"
Result<Door> ParseDoor(std::string_view name);  // the error lists them
// The door of a task as /v1/models tells it ("embedding").
Result<Door> DoorOfTask(std::string_view task, std::string_view model);
std::string PathOf(Door door, const std::string& model);

// One entry of /v1/models; `task` is empty when the server does not tell it.
struct ListedModel {
  std::string name;
  std::string task;
  std::string state;
};
Result<std::vector<ListedModel>> ParseModelList(std::string_view body);
// The answer of the Open Inference Protocol's /v2/repository/index; all of these take tensors.
Result<std::vector<ListedModel>> ParseModelIndex(std::string_view body);
// The model called `name`; without a name the only one, with the task of `door` if that is not null.
Result<ListedModel> ChooseModel(std::span<const ListedModel> models, const std::string& name, const Door* door);

// {"model": …, "input": …}: a string for one text, a list for more; and "truncate".
std::string TextBody(const std::string& model, std::span<const std::string> texts, bool truncate);

// Shapes for inputs, by name; the name "" is for those that are not named.
using Shapes = std::map<std::string, Shape>;
// "1,16" or "NAME=1,16".
Status AddShape(std::string_view text, Shapes& shapes);

// The inputs in the answer of GET /v2/models/NAME.
Result<std::vector<TensorSpec>> ParseInputs(std::string_view metadata);
// Random values: floats from -1 to 1, whole numbers from 0 to 9. Sizes that the model leaves open are those of
// `shapes`, else 1.
Result<std::vector<Tensor>> MakeInputs(std::span<const TensorSpec> specs, const Shapes& shapes, std::uint64_t seed);
// A body for /v2/models/NAME/infer; a time-out longer than nothing goes into its parameters, in microseconds.
Result<std::string> InferBody(std::span<const TensorSpec> specs, std::span<const Tensor> inputs,
                              Duration timeout = Duration::zero());

}  // namespace weir::load
