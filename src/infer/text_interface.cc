#include "infer/text_interface.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "infer/named_tensors.h"

namespace weir {
namespace {

constexpr char kText[] = "text";
constexpr char kPair[] = "text_pair";

// Text by text, or as a column.
bool IsListOfTexts(const Shape& shape) { return shape.size() == 1 || (shape.size() == 2 && shape[1] == 1); }

Result<std::vector<std::string>> Take(const NamedTensor& input, std::size_t index) {
  const std::string path = Indexed("inputs", index);
  const Tensor& tensor = input.tensor;
  if (tensor.type() != DataType::kBytes) {
    return InvalidArgument(
        fmt::format("input '{}' has datatype {}, the model takes BYTES", input.name, DataTypeName(tensor.type())),
        path + ".datatype");
  }
  if (!IsListOfTexts(tensor.shape())) {
    return InvalidArgument(fmt::format("input '{}' has shape {}, the model takes [-1, 1] or [-1]", input.name,
                                       ShapeString(tensor.shape())),
                           path + ".shape");
  }
  if (tensor.elements() > kMaxTexts) {
    return Fail(
        Code::kTooLarge,
        fmt::format("input '{}' has {} texts, at most {} are allowed", input.name, tensor.elements(), kMaxTexts),
        path + ".shape");
  }
  const auto texts = tensor.As<std::string>();
  return std::vector<std::string>(texts.begin(), texts.end());
}

}  // namespace

Manifest TextInterface(const TextModel& model) {
  const auto width = [](std::size_t size) { return size == 0 ? -1 : static_cast<std::int64_t>(size); };
  Manifest manifest = model.manifest();
  manifest.inputs = {{kText, DataType::kBytes, {-1, 1}}};
  if (model.text_task() == TextTask::kEmbedding) {
    manifest.outputs = {{"embedding", DataType::kFp32, {-1, width(model.width())}}};
  } else {
    manifest.outputs = {{"label", DataType::kBytes, {-1, 1}},
                        {"score", DataType::kFp32, {-1, 1}},
                        {"scores", DataType::kFp32, {-1, width(model.labels().size())}}};
  }
  return manifest;
}

bool MeansTexts(const TextModel& model, std::span<const NamedTensor> inputs) {
  return std::ranges::none_of(inputs,
                              [&](const NamedTensor& input) { return model.manifest().InputIndex(input.name) >= 0; });
}

Result<TextRequest> TextsOf(const TextModel& model, std::vector<NamedTensor> inputs) {
  TextRequest request;
  std::optional<std::vector<std::string>> pairs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool is_pair = inputs[i].name == kPair && model.text_task() == TextTask::kClassification;
    if (!is_pair && inputs[i].name != kText) {
      return InvalidArgument(fmt::format("the model has no input '{}'; it has {}", inputs[i].name, kText),
                             fmt::format("inputs[{}].name", i));
    }
    Result<std::vector<std::string>> texts = Take(inputs[i], i);
    if (!texts) return Forward(texts);
    if (is_pair ? pairs.has_value() : !request.texts.empty()) {
      return InvalidArgument(fmt::format("input '{}' is given twice", inputs[i].name), Indexed("inputs", i));
    }
    if (is_pair) {
      pairs = std::move(*texts);
    } else {
      request.texts = std::move(*texts);
    }
  }
  if (request.texts.empty()) return InvalidArgument(fmt::format("input '{}' is missing or empty", kText), "inputs");
  if (!pairs) return request;
  if (pairs->size() != request.texts.size()) {
    return InvalidArgument(
        fmt::format("input '{}' has {} texts, '{}' has {}", kPair, pairs->size(), kText, request.texts.size()),
        "inputs");
  }
  for (std::string& pair : *pairs) request.pairs.emplace_back(std::move(pair));
  return request;
}

std::vector<Tensor> TensorsOf(const Embeddings& embeddings, const Shape& shape) {
  const std::size_t width = embeddings.vectors.empty() ? 0 : embeddings.vectors[0].elements();
  Tensor rows = Tensor::Uninitialised(DataType::kFp32, {shape[0], static_cast<std::int64_t>(width)});
  auto out = rows.Mutable<float>().begin();
  for (const Tensor& vector : embeddings.vectors) out = std::ranges::copy(vector.As<float>(), out).out;
  return {std::move(rows)};
}

std::vector<Tensor> TensorsOf(const TextModel& model, const Classifications& classes, const Shape& shape) {
  const std::size_t width = model.labels().size();
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < width; ++i) places.emplace(model.labels()[i], i);
  Tensor label = Tensor::Uninitialised(DataType::kBytes, shape);
  Tensor score = Tensor::Uninitialised(DataType::kFp32, shape);
  Tensor scores = Tensor::Uninitialised(DataType::kFp32, {shape[0], static_cast<std::int64_t>(width)});
  for (std::size_t row = 0; row < classes.labels.size(); ++row) {
    const std::vector<ScoredLabel>& best = classes.labels[row];
    label.Mutable<std::string>()[row] = best.front().label;
    score.Mutable<float>()[row] = best.front().score;
    for (const ScoredLabel& one : best) scores.Mutable<float>()[row * width + places[one.label]] = one.score;
  }
  return {std::move(label), std::move(score), std::move(scores)};
}

}  // namespace weir
