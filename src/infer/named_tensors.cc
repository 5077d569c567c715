#include "infer/named_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/nearest.h"
#include "model/half.h"

namespace weir {
namespace {

std::unexpected<Error> NoSuchTensor(std::string_view side, const std::string& name, std::string path,
                                    const std::vector<TensorSpec>& specs) {
  std::vector<std::string> names;
  for (const TensorSpec& spec : specs) names.push_back(spec.name);
  return InvalidArgument(
      fmt::format("the model has no {} '{}'{}; it has {}", side, name, DidYouMean(name, names), fmt::join(names, ", ")),
      std::move(path));
}

std::string Label(std::string value, std::size_t index, std::size_t classes, std::span<const std::string> labels) {
  std::string text = fmt::format("{}:{}", value, index);
  if (labels.size() == classes) text += ":" + labels[index];
  return text;
}

template <typename Value, typename Show>
void TopOf(std::span<const Value> values, std::span<std::string> best, std::span<const std::string> labels, Show show) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  const auto above = [&](std::size_t a, std::size_t b) {
    const auto left = show(values[a]);
    const auto right = show(values[b]);
    const bool left_is_none = left != left;  // not a number: behind all others
    const bool right_is_none = right != right;
    if (left_is_none != right_is_none) return right_is_none;
    return !left_is_none && left != right ? left > right : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(best.size()), order.end(), above);
  for (std::size_t i = 0; i < best.size(); ++i) {
    best[i] = Label(fmt::format("{}", show(values[order[i]])), order[i], values.size(), labels);
  }
}

// Row by row.
template <typename Value, typename Show>
void TopOfRows(const Tensor& values, std::size_t rows, Tensor& best, std::span<const std::string> labels, Show show) {
  const std::size_t width = values.elements() / rows;
  const std::size_t kept = best.elements() / rows;
  for (std::size_t row = 0; row < rows; ++row) {
    TopOf(values.As<Value>().subspan(row * width, width), best.Mutable<std::string>().subspan(row * kept, kept), labels,
          show);
  }
}

}  // namespace

bool HasBatchDimension(const Manifest& manifest) {
  const auto any_batch = [](const TensorSpec& spec) { return !spec.shape.empty() && spec.shape[0] == -1; };
  return std::ranges::all_of(manifest.inputs, any_batch) && std::ranges::all_of(manifest.outputs, any_batch);
}

Result<std::vector<Tensor>> ArrangeInputs(const Manifest& manifest, std::vector<NamedTensor> inputs) {
  std::vector<std::optional<Tensor>> found(manifest.inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string path = Indexed("inputs", i);
    const int index = manifest.InputIndex(inputs[i].name);
    if (index < 0) return NoSuchTensor("input", inputs[i].name, path + ".name", manifest.inputs);
    const TensorSpec& spec = manifest.inputs[static_cast<std::size_t>(index)];
    Status fits = CheckAgainst(spec, inputs[i].tensor);
    if (!fits) {
      fits.error().field = path + (spec.type == inputs[i].tensor.type() ? ".shape" : ".datatype");
      return Forward(fits);
    }
    std::optional<Tensor>& place = found[static_cast<std::size_t>(index)];
    if (place) return InvalidArgument(fmt::format("input '{}' is given twice", spec.name), path);
    place = std::move(inputs[i].tensor);
  }
  std::vector<Tensor> arranged;
  arranged.reserve(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) return InvalidArgument(fmt::format("input '{}' is missing", manifest.inputs[i].name), "inputs");
    arranged.push_back(std::move(*found[i]));
  }
  return arranged;
}

Status CheckOutputs(const Manifest& manifest, std::span<const OutputAsk> asked) {
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const std::string path = Indexed("outputs", i);
    const int index = manifest.OutputIndex(asked[i].name);
    if (index < 0) return NoSuchTensor("output", asked[i].name, path + ".name", manifest.outputs);
    const DataType type = manifest.outputs[static_cast<std::size_t>(index)].type;
    if (asked[i].classes > 0 && (type == DataType::kBytes || type == DataType::kBool)) {
      return InvalidArgument(fmt::format("output '{}' is {}, which has no largest values for a classification",
                                         asked[i].name, DataTypeName(type)),
                             path + ".parameters.classification");
    }
  }
  return {};
}

Result<std::vector<NamedTensor>> TakeOutputs(const Manifest& manifest, std::span<const OutputAsk> asked,
                                             std::vector<Tensor> outputs, std::span<const std::string> labels) {
  std::vector<NamedTensor> taken;
  if (asked.empty()) {
    taken.reserve(outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) taken.push_back({manifest.outputs[i].name, std::move(outputs[i])});
    return taken;
  }
  taken.reserve(asked.size());
  for (const OutputAsk& ask : asked) {
    const auto index = static_cast<std::size_t>(manifest.OutputIndex(ask.name));
    if (ask.classes == 0) {
      taken.push_back({ask.name, outputs[index]});
      continue;
    }
    Result<Tensor> best = TopClasses(outputs[index], ask.classes, HasBatchDimension(manifest), labels);
    if (!best) return Forward(best);
    taken.push_back({ask.name, std::move(*best)});
  }
  return taken;
}

Result<Tensor> TopClasses(const Tensor& values, std::size_t count, bool is_batch, std::span<const std::string> labels) {
  const bool by_row = is_batch && !values.shape().empty();
  const auto rows = by_row ? static_cast<std::size_t>(values.shape()[0]) : 1;
  const std::size_t width = rows == 0 ? 0 : values.elements() / rows;
  const auto kept = static_cast<std::int64_t>(std::min(count, width));
  Tensor best =
      Tensor::Uninitialised(DataType::kBytes, by_row ? Shape{static_cast<std::int64_t>(rows), kept} : Shape{kept});
  if (best.elements() == 0) return best;
  const auto plain = [](auto value) { return value; };
  switch (values.type()) {
    case DataType::kUint8: TopOfRows<std::uint8_t>(values, rows, best, labels, plain); break;
    case DataType::kUint16: TopOfRows<std::uint16_t>(values, rows, best, labels, plain); break;
    case DataType::kUint32: TopOfRows<std::uint32_t>(values, rows, best, labels, plain); break;
    case DataType::kUint64: TopOfRows<std::uint64_t>(values, rows, best, labels, plain); break;
    case DataType::kInt8: TopOfRows<std::int8_t>(values, rows, best, labels, plain); break;
    case DataType::kInt16: TopOfRows<std::int16_t>(values, rows, best, labels, plain); break;
    case DataType::kInt32: TopOfRows<std::int32_t>(values, rows, best, labels, plain); break;
    case DataType::kInt64: TopOfRows<std::int64_t>(values, rows, best, labels, plain); break;
    case DataType::kFp16: TopOfRows<std::uint16_t>(values, rows, best, labels, FromF16); break;
    case DataType::kBf16: TopOfRows<std::uint16_t>(values, rows, best, labels, FromBf16); break;
    case DataType::kFp32: TopOfRows<float>(values, rows, best, labels, plain); break;
    case DataType::kFp64: TopOfRows<double>(values, rows, best, labels, plain); break;
    case DataType::kBool:
    case DataType::kBytes:
      return Fail(Code::kUnprocessable,
                  fmt::format("{} has no largest values for a classification", DataTypeName(values.type())));
  }
  return best;
}

}  // namespace weir
