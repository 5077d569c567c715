// Tensors by name against what a model says it takes and gives: pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "infer/infer_request.h"
#include "model/model.h"

namespace weir {

// The inputs in the manifest's order, each checked; an error names the field: "inputs[0].shape".
Result<std::vector<Tensor>> ArrangeInputs(const Manifest& manifest, std::vector<NamedTensor> inputs);

// The outputs that are asked for (or all), before anything runs: kInvalidArgument for one that there is not.
Status CheckOutputs(const Manifest& manifest, std::span<const OutputAsk> asked);

// What is asked for of what the model gave, in the manifest's order. `labels`: of its classes, may be empty.
Result<std::vector<NamedTensor>> TakeOutputs(const Manifest& manifest, std::span<const OutputAsk> asked,
                                             std::vector<Tensor> outputs, std::span<const std::string> labels);

// The `count` largest values as BYTES "value:index" or, where there is a label for each, "value:index:label", the
// largest first, equal ones by index; for each row of the first dimension when that is the batch. kUnprocessable for
// BYTES and BOOL. Source: Triton's "Classification Extension" page.
Result<Tensor> TopClasses(const Tensor& values, std::size_t count, bool is_batch, std::span<const std::string> labels);

}  // namespace weir
