#include "load/doors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "base/nearest.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"
#include "load/random.h"
#include "model/half.h"

namespace weir::load {
namespace {

using codec::JsonElement;
using codec::JsonObject;

struct DoorInfo {
  Door door;
  std::string_view name;
  std::string_view task;
};
constexpr std::array<DoorInfo, 3> kDoors = {{{Door::kEmbeddings, "embeddings", "embedding"},
                                             {Door::kClassify, "classify", "classification"},
                                             {Door::kInfer, "infer", "tensor"}}};

const DoorInfo& InfoOf(Door door) { return *std::ranges::find(kDoors, door, &DoorInfo::door); }

Result<JsonObject> ParseObject(std::string_view body) {
  const Result<JsonElement> root = codec::ParseJson(body);
  if (!root) return std::unexpected(root.error());
  return JsonObject::From(*root);
}

Result<TensorSpec> ParseInput(JsonElement element) {
  const Result<JsonObject> input = JsonObject::From(element, "inputs");
  if (!input) return std::unexpected(input.error());
  const Result<std::string> name = input->RequireString("name");
  const Result<std::string> datatype = input->RequireString("datatype");
  const auto shape = input->RequireArray("shape");
  if (!name) return std::unexpected(name.error());
  if (!datatype) return std::unexpected(datatype.error());
  if (!shape) return std::unexpected(shape.error());
  const std::optional<DataType> type = DataTypeFromName(*datatype);
  if (!type) return InvalidArgument(fmt::format("input '{}' has the datatype '{}'", *name, *datatype));
  TensorSpec spec{.name = *name, .type = *type};
  for (const JsonElement size : *shape) {
    std::int64_t value = -1;
    if (size.get(value)) return InvalidArgument(fmt::format("the shape of input '{}' is not one", *name));
    spec.shape.push_back(value);
  }
  return spec;
}

Result<Shape> ShapeFor(const TensorSpec& spec, const Shapes& shapes) {
  auto wanted = shapes.find(spec.name);
  if (wanted == shapes.end()) wanted = shapes.find("");
  Shape shape = wanted == shapes.end() ? spec.shape : wanted->second;
  for (std::int64_t& size : shape) size = size < 0 ? 1 : size;
  bool fits = shape.size() == spec.shape.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) fits = spec.shape[i] < 0 || spec.shape[i] == shape[i];
  if (!fits) {
    return InvalidArgument(fmt::format("--shape: input '{}' is {}, which {} does not fit", spec.name,
                                       ShapeString(spec.shape), ShapeString(shape)));
  }
  return shape;
}

template <typename T>
void FillAs(Tensor& tensor, Random& random) {
  for (T& value : tensor.Mutable<T>()) {
    if constexpr (std::is_floating_point_v<T>) {
      value = static_cast<T>(2 * random.Unit() - 1);
    } else {
      value = static_cast<T>(random.Whole(0, 9));
    }
  }
}

void FillWith(Tensor& tensor, Random& random, std::uint16_t (*narrow)(float)) {
  for (std::uint16_t& value : tensor.Mutable<std::uint16_t>())
    value = narrow(static_cast<float>(2 * random.Unit() - 1));
}

void Fill(Tensor& tensor, Random& random) {
  switch (tensor.type()) {
    case DataType::kBool:
      for (std::uint8_t& value : tensor.Mutable<std::uint8_t>()) value = random.Whole(0, 1) != 0 ? 1 : 0;
      break;
    case DataType::kUint8:
    case DataType::kInt8: FillAs<std::uint8_t>(tensor, random); break;
    case DataType::kUint16:
    case DataType::kInt16: FillAs<std::uint16_t>(tensor, random); break;
    case DataType::kUint32:
    case DataType::kInt32: FillAs<std::uint32_t>(tensor, random); break;
    case DataType::kUint64:
    case DataType::kInt64: FillAs<std::uint64_t>(tensor, random); break;
    case DataType::kFp32: FillAs<float>(tensor, random); break;
    case DataType::kFp64: FillAs<double>(tensor, random); break;
    case DataType::kFp16: FillWith(tensor, random, ToF16); break;
    case DataType::kBf16: FillWith(tensor, random, ToBf16); break;
    case DataType::kBytes:
      for (std::string& value : tensor.Mutable<std::string>()) value = std::to_string(random.Whole(0, 9999));
      break;
  }
}

}  // namespace

std::string_view DoorName(Door door) { return InfoOf(door).name; }

Result<Door> ParseDoor(std::string_view name) {
  const auto found = std::ranges::find(kDoors, name, &DoorInfo::name);
  if (found != kDoors.end()) return found->door;
  std::vector<std::string> names;
  for (const DoorInfo& info : kDoors) names.emplace_back(info.name);
  return InvalidArgument(
      fmt::format("there is no door '{}'{}; there are {}", name, DidYouMean(name, names), fmt::join(names, ", ")));
}

Result<Door> DoorOfTask(std::string_view task, std::string_view model) {
  const auto found = std::ranges::find(kDoors, task, &DoorInfo::task);
  if (found != kDoors.end()) return found->door;
  return Fail(Code::kUnprocessable, fmt::format("the task of model '{}' is {}, for which the door is not known; name "
                                                "it with --door, or give --path and --body",
                                                model, task.empty() ? "not told" : fmt::format("'{}'", task)));
}

std::string PathOf(Door door, const std::string& model) {
  if (door == Door::kInfer) return fmt::format("/v2/models/{}/infer", model);
  return fmt::format("/v1/{}", DoorName(door));
}

Result<std::vector<ListedModel>> ParseModelList(std::string_view body) {
  const Result<JsonObject> list = ParseObject(body);
  if (!list) return std::unexpected(list.error());
  const auto data = list->RequireArray("data");
  if (!data) return std::unexpected(data.error());
  std::vector<ListedModel> models;
  for (const JsonElement element : *data) {
    const Result<JsonObject> model = JsonObject::From(element, "data");
    if (!model) return std::unexpected(model.error());
    const Result<std::string> name = model->RequireString("id");
    if (!name) return std::unexpected(name.error());
    const auto task = model->FindString("task");
    const auto state = model->FindString("state");
    models.push_back({*name, task && *task ? **task : "", state && *state ? **state : ""});
  }
  return models;
}

Result<std::vector<ListedModel>> ParseModelIndex(std::string_view body) {
  const Result<JsonElement> root = codec::ParseJson(body);
  if (!root) return std::unexpected(root.error());
  simdjson::dom::array list;
  if (root->get(list)) return InvalidArgument("the index of models is no array");
  std::vector<ListedModel> models;
  for (const JsonElement element : list) {
    const Result<JsonObject> model = JsonObject::From(element, "index");
    if (!model) return std::unexpected(model.error());
    const Result<std::string> name = model->RequireString("name");
    if (!name) return std::unexpected(name.error());
    const auto state = model->FindString("state");
    std::string lower = state && *state ? **state : "";
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    models.push_back({.name = *name, .task = std::string(InfoOf(Door::kInfer).task), .state = std::move(lower)});
  }
  return models;
}

Result<ListedModel> ChooseModel(std::span<const ListedModel> models, const std::string& name, const Door* door) {
  std::vector<std::string> names;
  std::vector<ListedModel> fitting;
  for (const ListedModel& model : models) {
    if (model.name == name) return model;
    names.push_back(model.name);
    if (door == nullptr || model.task.empty() || model.task == InfoOf(*door).task) fitting.push_back(model);
  }
  if (!name.empty()) {
    return Fail(Code::kUnavailable, fmt::format("the server has no model '{}'{}; it has: {}", name,
                                                DidYouMean(name, names), fmt::join(names, ", ")));
  }
  if (fitting.size() == 1) return fitting[0];
  if (fitting.empty()) {
    return Fail(Code::kUnavailable,
                fmt::format("the server has no model {}",
                            door == nullptr ? "at all" : fmt::format("for the door '{}'", DoorName(*door))));
  }
  return InvalidArgument(fmt::format("which model? Name one with --model: {}", fmt::join(names, ", ")));
}

std::string TextBody(const std::string& model, std::span<const std::string> texts, bool truncate) {
  codec::JsonWriter json;
  json.BeginObject().Key("model").String(model).Key("input");
  if (texts.size() == 1) {
    json.String(texts[0]);
  } else {
    json.BeginArray();
    for (const std::string& text : texts) json.String(text);
    json.EndArray();
  }
  if (truncate) json.Key("truncate").Bool(true);
  return json.EndObject().Take();
}

Status AddShape(std::string_view text, Shapes& shapes) {
  const std::size_t equals = text.find('=');
  const std::string name(equals == std::string_view::npos ? "" : text.substr(0, equals));
  std::string_view rest = equals == std::string_view::npos ? text : text.substr(equals + 1);
  Shape shape;
  for (;;) {
    std::int64_t size = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), size);
    if (error != std::errc() || size < 0) break;
    shape.push_back(size);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (rest.empty()) {
      shapes[name] = std::move(shape);
      return {};
    }
    if (!rest.starts_with(',')) break;
    rest.remove_prefix(1);
  }
  return InvalidArgument(fmt::format("--shape takes sizes as 1,16 or NAME=1,16, not '{}'", text));
}

Result<std::vector<TensorSpec>> ParseInputs(std::string_view metadata) {
  const Result<JsonObject> model = ParseObject(metadata);
  if (!model) return std::unexpected(model.error());
  const auto inputs = model->RequireArray("inputs");
  if (!inputs) return std::unexpected(inputs.error());
  std::vector<TensorSpec> specs;
  for (const JsonElement element : *inputs) {
    Result<TensorSpec> spec = ParseInput(element);
    if (!spec) return Forward(spec);
    specs.push_back(std::move(*spec));
  }
  return specs;
}

Result<std::vector<Tensor>> MakeInputs(std::span<const TensorSpec> specs, const Shapes& shapes, std::uint64_t seed) {
  for (const auto& [name, shape] : shapes) {
    if (name.empty() || std::ranges::find(specs, name, &TensorSpec::name) != specs.end()) continue;
    std::vector<std::string> names;
    for (const TensorSpec& spec : specs) names.push_back(spec.name);
    return InvalidArgument(fmt::format("--shape: there is no input '{}'{}", name, DidYouMean(name, names)));
  }
  Random random(seed);
  std::vector<Tensor> inputs;
  for (const TensorSpec& spec : specs) {
    Result<Shape> shape = ShapeFor(spec, shapes);
    if (!shape) return Forward(shape);
    if (!ElementCount(*shape)) return InvalidArgument(fmt::format("--shape: {} is too large", ShapeString(*shape)));
    inputs.push_back(Tensor::Uninitialised(spec.type, *shape));
    Fill(inputs.back(), random);
  }
  return inputs;
}

Result<std::string> InferBody(std::span<const TensorSpec> specs, std::span<const Tensor> inputs, Duration timeout) {
  codec::JsonWriter json;
  json.BeginObject();
  if (timeout > Duration::zero()) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(timeout).count();
    json.Key("parameters").BeginObject().Key("timeout").Int(us).EndObject();
  }
  json.Key("inputs").BeginArray();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    json.BeginObject().Key("name").String(specs[i].name);
    json.Key("datatype").String(DataTypeName(specs[i].type)).Key("shape").BeginArray();
    for (const std::int64_t size : inputs[i].shape()) json.Int(size);
    json.EndArray().Key("data").Elements(inputs[i]);
    json.EndObject();
  }
  return json.EndArray().EndObject().Take();
}

}  // namespace weir::load
