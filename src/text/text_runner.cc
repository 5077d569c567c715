#include "text/text_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "model/half.h"
#include "text/pooling.h"
#include "text/vector_steps.h"

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

// One text's row of one input, padding behind it.
template <typename T>
void FillRow(InputRole role, const JobRequest& request, const ModelConfig& config, std::span<T> row) {
  const auto ids = request.inputs[0].As<std::int64_t>();
  const auto padding = row.subspan(ids.size());
  const auto copy = [&](std::span<const std::int64_t> values) {
    std::ranges::transform(values, row.begin(), [](std::int64_t value) { return static_cast<T>(value); });
  };
  switch (role) {
    case InputRole::kIds:
      copy(ids);
      std::ranges::fill(padding, static_cast<T>(config.pad_token));
      return;
    case InputRole::kTypes:
      copy(request.inputs[1].As<std::int64_t>());
      std::ranges::fill(padding, T{0});
      return;
    case InputRole::kMask:
      std::ranges::fill(row.first(ids.size()), T{1});
      std::ranges::fill(padding, T{0});
      return;
    case InputRole::kPositions:
      std::iota(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(ids.size()),
                static_cast<T>(config.first_position));
      // Families that keep positions for padding keep the one before the first.
      std::ranges::fill(padding, static_cast<T>(config.first_position == 0 ? 0 : config.first_position - 1));
      return;
  }
}

}  // namespace

TextRunner::TextRunner(const TextModel& model)
    : model_(model), encoder_(model.parts_.encoder->NewSession()),
      head_(model.parts_.head ? model.parts_.head->NewSession() : nullptr) {}

std::vector<Result<std::vector<Tensor>>> TextRunner::Run(std::span<const JobPtr> batch, const std::stop_token& stop) {
  std::vector<Result<std::vector<Tensor>>> results;
  if (batch[0]->request.method == 0) {  // group 0: such a job is alone in its batch
    results.push_back(encoder_->Run(batch[0]->request.inputs, stop));
    graph_time_ = encoder_->graph_time();
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
  std::size_t longest = model_.graph_.fixed_tokens;
  for (const JobPtr& job : batch) longest = std::max(longest, job->request.inputs[0].elements());
  const Shape shape = {static_cast<std::int64_t>(batch.size()), static_cast<std::int64_t>(longest)};
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < model_.graph_.inputs.size(); ++i) {
    const DataType type = model_.manifest().inputs[i].type;
    Tensor tensor = Tensor::Uninitialised(type, shape);
    for (std::size_t row = 0; row < batch.size(); ++row) {
      const JobRequest& request = batch[row]->request;
      if (type == DataType::kInt64) {
        FillRow(model_.graph_.inputs[i], request, model_.folder().config,
                tensor.Mutable<std::int64_t>().subspan(row * longest, longest));
      } else {
        FillRow(model_.graph_.inputs[i], request, model_.folder().config,
                tensor.Mutable<std::int32_t>().subspan(row * longest, longest));
      }
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

Result<Tensor> TextRunner::Encode(std::span<const JobPtr> batch, const std::stop_token& stop) {
  const std::vector<Tensor> padded = Pad(batch);
  Result<std::vector<Tensor>> outputs = encoder_->Run(padded, stop);
  graph_time_ = encoder_->graph_time();
  if (!outputs) return Forward(outputs);
  Tensor output = AsFp32(std::move((*outputs)[model_.graph_.output]));
  const OutputKind kind = model_.graph_.kind;
  const Shape& shape = output.shape();
  bool shaped = shape.size() == (kind == OutputKind::kTokens ? 3 : 2) &&
                shape[0] == static_cast<std::int64_t>(batch.size()) && shape.back() > 0;
  if (shaped && kind == OutputKind::kTokens) shaped = shape[1] == padded[0].shape()[1];
  if (!shaped) {
    return Fail(Code::kUnprocessable, fmt::format("the graph gave an output of shape {} for {} texts of {} tokens",
                                                  ShapeString(shape), batch.size(), padded[0].shape()[1]));
  }
  if (kind == OutputKind::kLogits) {
    if (shape[1] == static_cast<std::int64_t>(model_.labels().size())) return output;
    return Fail(Code::kUnprocessable,
                fmt::format("the graph gave {} logits for {} labels", shape[1], model_.labels().size()));
  }
  return Finish(kind == OutputKind::kTokens ? PoolRows(batch, output) : std::move(output), stop);
}

Tensor TextRunner::PoolRows(std::span<const JobPtr> batch, const Tensor& hidden) const {
  const std::vector<Pooling>& poolings = model_.folder().modules.pooling;
  const auto width = static_cast<std::size_t>(hidden.shape()[2]);
  const std::size_t row_size = static_cast<std::size_t>(hidden.shape()[1]) * width;
  const Shape shape = {static_cast<std::int64_t>(batch.size()), static_cast<std::int64_t>(width * poolings.size())};
  Tensor pooled = Tensor::Uninitialised(DataType::kFp32, shape);
  for (std::size_t row = 0; row < batch.size(); ++row) {
    const std::vector<Tensor>& inputs = batch[row]->request.inputs;
    const auto tokens = hidden.As<float>().subspan(row * row_size, inputs[0].elements() * width);
    const std::size_t prompt = inputs.size() > 2 ? static_cast<std::size_t>(inputs[2].As<std::int64_t>()[0]) : 0;
    for (std::size_t i = 0; i < poolings.size(); ++i) {
      const std::size_t begin = (row * poolings.size() + i) * width;
      Pool(poolings[i], tokens, prompt, pooled.Mutable<float>().subspan(begin, width));
    }
  }
  return pooled;
}

Result<Tensor> TextRunner::Finish(Tensor rows, const std::stop_token& stop) {
  const SentenceModules& modules = model_.folder().modules;
  // A graph that gives finished vectors has these modules inside.
  if (model_.graph_.kind == OutputKind::kTokens) {
    for (const VectorStep& step : modules.steps) {
      Result<std::size_t> fits = WidthAfter(step, static_cast<std::size_t>(rows.shape()[1]));
      if (!fits) return Forward(fits);
      rows = ApplyStep(step, std::move(rows));
    }
  }
  if (!head_) return rows;
  if (modules.normalize) rows = ApplyStep(NormalizeStep{}, std::move(rows));
  const std::int64_t count = rows.shape()[0];
  Result<std::vector<Tensor>> logits = head_->Run({&rows, 1}, stop);
  graph_time_.ended = head_->graph_time().ended;
  if (!logits) return Forward(logits);
  Tensor scores = std::move((*logits)[0]);
  if (scores.elements() != static_cast<std::size_t>(count) * model_.labels().size() || scores.shape().size() != 2) {
    return Fail(Code::kUnprocessable,
                fmt::format("head.onnx gave an output of shape {} for {} texts", ShapeString(scores.shape()), count));
  }
  return scores;
}

}  // namespace weir
