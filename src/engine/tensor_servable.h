// A model served as it is: tensors in, tensors out.
#pragma once

#include <memory>

#include "engine/servable.h"

namespace weir {

// Each request runs alone: a graph does not say which of its dimensions is a batch, and joining requests
// on a dimension that is none would change their answers.
std::shared_ptr<const Servable> MakeTensorServable(std::shared_ptr<const Model> model);

// Checks a request's tensors (method 0) against the model's interface; they are in the manifest's order.
Status CheckInputs(const Manifest& manifest, std::span<const Tensor> inputs);

}  // namespace weir
