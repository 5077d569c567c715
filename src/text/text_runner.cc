#include "text/text_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "text/pooling.h"

namespace weir {
namespace {

// Row `row` of a [rows, width] tensor, sharing its memory.
Tensor RowOf(const std::shared_ptr<const Tensor>& matrix, std::size_t row) {
  const std::int64_t width = matrix->shape()[1];
  const std::byte* data = matrix->data() + row * static_cast<std::size_t>(width) * sizeof(float);
  return Tensor::Wrap(DataType::kFp32, {width}, matrix, data);
}

bool AllFinite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

}  // namespace

TextRunner::TextRunner(const TextModel& model)
    : model_(model), encoder_(model.parts_.encoder->NewSession()),
      head_(model.parts_.head ? model.parts_.head->NewSession() : nullptr) {}

std::vector<Result<std::vector<Tensor>>> TextRunner::Run(std::span<const JobPtr> batch, const std::stop_token& stop) {
  std::vector<Result<std::vector<Tensor>>> results;
  if (batch[0]->request.method == 0) {  // group 0: such a job is alone in its batch
    results.push_back(encoder_->Run(batch[0]->request.inputs, stop));
    return results;
  }
  Result<Tensor> answers = Encode(batch, stop);
  if (!answers && answers.error().code == Code::kUnprocessable && batch.size() > 1) {
    // One of them is to blame, and only that one: run each alone.
    for (std::size_t i = 0; i < batch.size(); ++i) results.push_back(std::move(Run(batch.subspan(i, 1), stop)[0]));
    return results;
  }
  if (!answers) {
    results.assign(batch.size(), Forward(answers));
    return results;
  }
  const auto matrix = std::make_shared<const Tensor>(std::move(*answers));
  for (std::size_t row = 0; row < batch.size(); ++row) {
    Tensor answer = RowOf(matrix, row);
    if (AllFinite(answer.As<float>())) {
      results.emplace_back(std::vector<Tensor>{std::move(answer)});
    } else {
      results.emplace_back(Fail(Code::kUnprocessable, "the model's answer to this text is not a finite number"));
    }
  }
  return results;
}

std::vector<Tensor> TextRunner::Pad(std::span<const JobPtr> batch) const {
  std::size_t longest = 0;
  for (const JobPtr& job : batch) longest = std::max(longest, job->request.inputs[0].elements());
  const Shape shape = {static_cast<std::int64_t>(batch.size()), static_cast<std::int64_t>(longest)};
  std::vector<Tensor> inputs;
  for (const TensorSpec& spec : model_.manifest().inputs) {
    Tensor tensor = Tensor::Uninitialised(DataType::kInt64, shape);
    std::int64_t* out = tensor.Mutable<std::int64_t>().data();
    for (const JobPtr& job : batch) {
      const std::size_t length = job->request.inputs[0].elements();
      if (spec.name == "attention_mask") {
        std::fill_n(out, length, 1);
      } else {
        const std::size_t source = spec.name == "input_ids" ? 0 : 1;
        std::ranges::copy(job->request.inputs[source].As<std::int64_t>(), out);
      }
      std::fill(out + length, out + longest, 0);
      out += longest;
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

Result<Tensor> TextRunner::Encode(std::span<const JobPtr> batch, const std::stop_token& stop) {
  const std::vector<Tensor> padded = Pad(batch);
  Result<std::vector<Tensor>> outputs = encoder_->Run(padded, stop);
  if (!outputs) return Forward(outputs);
  Tensor output = std::move((*outputs)[static_cast<std::size_t>(model_.output_)]);
  const std::size_t rank = model_.logits_ ? 2 : 3;
  const auto rows = static_cast<std::int64_t>(batch.size());
  const bool shaped = output.shape().size() == rank && output.shape()[0] == rows &&
                      (model_.logits_ || output.shape()[1] == padded[0].shape()[1]);
  if (!shaped) {
    return Fail(Code::kUnprocessable, fmt::format("the graph gave an output of shape {} for {} texts",
                                                  ShapeString(output.shape()), batch.size()));
  }
  if (model_.logits_) {
    auto logits = output.Mutable<float>();
    const std::size_t width = model_.labels().size();
    if (logits.size() != batch.size() * width) {
      return Fail(Code::kUnprocessable,
                  fmt::format("the graph gave {} logits for {} labels", logits.size() / batch.size(), width));
    }
    for (std::size_t row = 0; row < batch.size(); ++row) Softmax(logits.subspan(row * width, width));
    return output;
  }
  return PoolRows(batch, output, stop);
}

Result<Tensor> TextRunner::PoolRows(std::span<const JobPtr> batch, const Tensor& hidden, const std::stop_token& stop) {
  const auto rows = static_cast<std::int64_t>(batch.size());
  const auto width = static_cast<std::size_t>(hidden.shape()[2]);
  const std::size_t row_size = static_cast<std::size_t>(hidden.shape()[1]) * width;
  Tensor pooled = Tensor::Uninitialised(DataType::kFp32, {rows, hidden.shape()[2]});
  for (std::size_t row = 0; row < batch.size(); ++row) {
    const std::size_t length = batch[row]->request.inputs[0].elements();
    const auto tokens = hidden.As<float>().subspan(row * row_size, length * width);
    const auto out = pooled.Mutable<float>().subspan(row * width, width);
    Pool(model_.parts_.folder.pooling, tokens, out);
    if (model_.parts_.folder.normalize) NormalizeL2(out);
  }
  if (!head_) return pooled;
  Result<std::vector<Tensor>> logits = head_->Run({&pooled, 1}, stop);
  if (!logits) return Forward(logits);
  Tensor scores = std::move((*logits)[0]);
  const std::size_t labels = model_.labels().size();
  if (scores.elements() != batch.size() * labels) {
    return Fail(Code::kUnprocessable, fmt::format("head.onnx gave an output of shape {} for {} texts",
                                                  ShapeString(scores.shape()), batch.size()));
  }
  for (std::size_t row = 0; row < batch.size(); ++row) {
    Softmax(scores.Mutable<float>().subspan(row * labels, labels));
  }
  return scores;
}

}  // namespace weir
