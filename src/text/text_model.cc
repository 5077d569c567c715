#include "text/text_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "text/text_runner.h"

namespace weir {
namespace {

constexpr std::array<std::string_view, 3> kEncoderInputs = {"input_ids", "attention_mask", "token_type_ids"};

// Of a request of raw tensors: 32 texts of 512 tokens need 400 MB for the attention of a MiniLM layer.
constexpr std::size_t kMostTensorTokens = std::size_t{32} * 512;

std::unexpected<Error> DoesNotFit(std::string message) { return Fail(Code::kUnprocessable, std::move(message)); }

Status CheckEncoderInputs(const Manifest& manifest) {
  for (const TensorSpec& input : manifest.inputs) {
    const bool known = std::ranges::find(kEncoderInputs, input.name) != kEncoderInputs.end();
    if (!known || input.type != DataType::kInt64 || input.shape.size() != 2) {
      return DoesNotFit(
          fmt::format("the graph's input '{}' ({} {}) is none of a text encoder's (input_ids, "
                      "attention_mask, token_type_ids, each INT64 [batch, sequence])",
                      input.name, DataTypeName(input.type), ShapeString(input.shape)));
    }
  }
  if (manifest.InputIndex("input_ids") < 0) return DoesNotFit("the graph has no input 'input_ids'");
  return {};
}

Status CheckHead(const Manifest& head, std::size_t width, std::size_t labels) {
  const bool shaped = head.inputs.size() == 1 && head.outputs.size() == 1 && head.inputs[0].shape.size() == 2 &&
                      head.outputs[0].shape.size() == 2 && head.inputs[0].type == DataType::kFp32 &&
                      head.outputs[0].type == DataType::kFp32;
  if (!shaped) return DoesNotFit("head.onnx is not one FP32 [batch, width] in and one FP32 [batch, labels] out");
  if (head.inputs[0].shape[1] != static_cast<std::int64_t>(width)) {
    return DoesNotFit(fmt::format("head.onnx takes {} values, the encoder gives {}", head.inputs[0].shape[1], width));
  }
  if (head.outputs[0].shape[1] != static_cast<std::int64_t>(labels)) {
    return DoesNotFit(fmt::format("head.onnx gives {} values, config.json has {} labels in id2label",
                                  head.outputs[0].shape[1], labels));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const TextModel>> TextModel::Make(Parts parts) {
  const std::shared_ptr<TextModel> model(new TextModel(std::move(parts)));
  Status fits = model->Inspect();
  if (!fits) return Forward(fits);
  return model;
}

Status TextModel::Inspect() {
  const Manifest& graph = manifest();
  Status inputs = CheckEncoderInputs(graph);
  if (!inputs) return inputs;

  const int logits = graph.OutputIndex("logits");
  for (const char* name : {"last_hidden_state", "token_embeddings"}) {
    if (output_ = graph.OutputIndex(name); output_ >= 0) break;
  }
  logits_ = output_ < 0 && logits >= 0;
  if (logits_) output_ = logits;
  if (output_ < 0) return DoesNotFit("the graph has no output 'last_hidden_state', 'token_embeddings' or 'logits'");

  const TensorSpec& output = graph.outputs[static_cast<std::size_t>(output_)];
  const std::size_t rank = logits_ ? 2 : 3;
  if (output.type != DataType::kFp32 || output.shape.size() != rank) {
    return DoesNotFit(fmt::format("the graph's output '{}' is {} {}, not FP32 of rank {}", output.name,
                                  DataTypeName(output.type), ShapeString(output.shape), rank));
  }
  const std::size_t last = static_cast<std::size_t>(std::max<std::int64_t>(output.shape.back(), 0));
  task_ = logits_ || parts_.head ? TextTask::kClassification : TextTask::kEmbedding;
  if (task_ == TextTask::kClassification && labels().empty()) {
    return DoesNotFit("it classifies, but config.json has no id2label that names the classes");
  }
  if (logits_ && last != 0 && last != labels().size()) {
    return DoesNotFit(
        fmt::format("the graph gives {} logits, config.json has {} labels in id2label", last, labels().size()));
  }
  width_ = last;
  if (parts_.head) return CheckHead(parts_.head->manifest(), width_, labels().size());
  return {};
}

std::string_view TextModel::task() const {
  switch (task_) {
    case TextTask::kEmbedding: return "embedding";
    case TextTask::kClassification: return "classification";
  }
  return "";
}

Status TextModel::Check(const JobRequest& request) const {
  if (request.method == kEncode) return {};  // made by EncodeRequest
  Status fits = Servable::Check(request);
  if (!fits) return fits;
  const std::size_t tokens = request.inputs[0].elements();
  if (tokens > kMostTensorTokens) {
    return Fail(Code::kTooLarge,
                fmt::format("the request has {} tokens, padding included; the limit is {}", tokens, kMostTensorTokens));
  }
  const auto length = static_cast<std::size_t>(request.inputs[0].shape()[1]);
  if (length > max_tokens()) {
    return Fail(Code::kUnprocessable,
                fmt::format("the texts have {} tokens, padding included; the model takes {}", length, max_tokens()));
  }
  return {};
}

JobCost TextModel::CostOf(std::span<const Tensor> inputs) const {
  JobCost cost = Servable::CostOf(inputs);
  cost.length = static_cast<std::uint32_t>(std::max<std::size_t>(inputs[0].elements(), 1));
  return cost;
}

std::optional<JobRequest> TextModel::Sample(std::uint32_t length) const {
  if (length > max_tokens()) return std::nullopt;
  // The ids of a real text, over and over: any of them are in the vocabulary.
  const Result<TokenIds> some = tokenizer().Encode("A text to measure with, of no meaning.", {});
  if (!some || some->ids.empty()) return std::nullopt;
  TokenIds tokens;
  for (std::uint32_t i = 0; i < length; ++i) tokens.ids.push_back(some->ids[i % some->ids.size()]);
  tokens.type_ids.assign(length, 0);
  return EncodeRequest(tokens, Deadline::Never(), {});
}

std::unique_ptr<Runner> TextModel::NewRunner() const { return std::make_unique<TextRunner>(*this); }

Status TextModel::WarmUp() const {
  Result<TokenIds> tokens = tokenizer().Encode("A first text, to prove that the model runs.", {});
  if (!tokens) return Forward(tokens);
  std::array<JobPtr, 1> batch = {std::make_unique<Job>(
      EncodeRequest(*tokens, Deadline::Never(), {}), Permit(), [](const Result<Output>&) {}, TimePoint())};
  Result<std::vector<Tensor>> output = std::move(NewRunner()->Run(batch, {})[0]);
  if (!output) return Forward(output);
  return {};
}

JobRequest TextModel::EncodeRequest(const TokenIds& tokens, Deadline deadline, std::stop_token stop) const {
  const auto length = static_cast<std::int64_t>(tokens.ids.size());
  JobRequest request{.method = kEncode, .deadline = deadline, .stop = std::move(stop)};
  for (const std::vector<std::int64_t>* values : {&tokens.ids, &tokens.type_ids}) {
    Tensor tensor = Tensor::Uninitialised(DataType::kInt64, {length});
    std::ranges::copy(*values, tensor.Mutable<std::int64_t>().begin());
    request.inputs.push_back(std::move(tensor));
  }
  request.cost = {.length = static_cast<std::uint32_t>(length),
                  .group = kEncode,
                  .bytes = 2 * tokens.ids.size() * sizeof(std::int64_t)};
  return request;
}

Result<std::shared_ptr<const Servable>> TextModelLoader::Load(const std::string& name,
                                                              const std::filesystem::path& folder,
                                                              const std::filesystem::path& graph_file) {
  Result<TextFolder> read = ReadTextFolder(folder);
  if (!read) return Forward(read);
  auto tokenizer = tokenizers_.Get(folder / "tokenizer.json", Tokenizer::Load);
  if (!tokenizer) return Forward(tokenizer);
  auto encoder = backend_.Load(folder / graph_file);
  if (!encoder) return Forward(encoder);
  TextModel::Parts parts{.name = name, .folder = std::move(*read), .tokenizer = *tokenizer, .encoder = *encoder};
  if (std::filesystem::exists(folder / "head.onnx")) {
    auto head = backend_.Load(folder / "head.onnx");
    if (!head) return Forward(head);
    parts.head = *head;
  }
  Result<std::shared_ptr<const TextModel>> model = TextModel::Make(std::move(parts));
  if (!model) return Forward(model);
  return std::shared_ptr<const Servable>(std::move(*model));
}

}  // namespace weir
