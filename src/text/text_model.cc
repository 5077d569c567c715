#include "text/text_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "text/text_runner.h"

namespace weir {
namespace {

// Of a request of raw tensors: 32 texts of 512 tokens need 400 MB for the attention of a MiniLM layer.
constexpr std::size_t kMostTensorTokens = std::size_t{32} * 512;

std::unexpected<Error> DoesNotFit(std::string message) { return Fail(Code::kUnprocessable, std::move(message)); }

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
  Status status = InspectTokenizer();
  if (!status) return status;
  Result<GraphInterface> graph = InspectGraph(manifest(), folder());
  if (!graph) return Forward(graph);
  graph_ = std::move(*graph);
  if (graph_.fixed_tokens > 0 && graph_.fixed_tokens < parts_.folder.max_tokens) {
    parts_.folder.max_tokens = graph_.fixed_tokens;
    parts_.folder.max_tokens_from = "the graph, which takes this length alone";
  }
  task_ = graph_.kind == OutputKind::kLogits || parts_.head ? TextTask::kClassification : TextTask::kEmbedding;
  status = FindWidth();
  if (!status || task_ == TextTask::kEmbedding) return status;
  return InspectClasses();
}

Status TextModel::InspectTokenizer() const {
  const std::size_t known = folder().config.vocabulary;
  if (const std::size_t highest = tokenizer().HighestId(); known > 0 && highest >= known) {
    return DoesNotFit(
        fmt::format("tokenizer.json has token ids up to {}, the model knows {} tokens (vocab_size in "
                    "config.json): they do not belong together",
                    highest, known));
  }
  if (const std::size_t special = tokenizer().special_tokens(); special >= max_tokens()) {
    return DoesNotFit(fmt::format("its texts may have {} tokens ({}), but {} are special tokens", max_tokens(),
                                  folder().max_tokens_from, special));
  }
  return {};
}

// The width of what the graph gives, then of what each step gives.
Status TextModel::FindWidth() {
  width_ = graph_.width;
  if (graph_.kind != OutputKind::kTokens) return {};
  const SentenceModules& modules = folder().modules;
  if (width_ > 0 && modules.token_width > 0 && width_ != modules.token_width) {
    return DoesNotFit(fmt::format("the pooling is made for vectors of {}, the graph gives vectors of {}",
                                  modules.token_width, width_));
  }
  width_ *= modules.pooling.size();
  for (const VectorStep& step : modules.steps) {
    Result<std::size_t> after = WidthAfter(step, width_);
    if (!after) return Forward(after);
    width_ = *after;
  }
  return {};
}

Status TextModel::InspectClasses() {
  if (labels().empty()) return DoesNotFit("it classifies, but config.json has no id2label that names the classes");
  Result<ActivationChoice> activation = ChooseActivation(folder().config, labels().size());
  if (!activation) return Forward(activation);
  activation_ = std::move(*activation);
  if (parts_.head) return CheckHead(parts_.head->manifest(), width_, labels().size());
  if (graph_.width != 0 && graph_.width != labels().size()) {
    return DoesNotFit(
        fmt::format("the graph gives {} logits, config.json has {} labels in id2label", graph_.width, labels().size()));
  }
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
  return EncodeRequest(tokens, 0, Deadline::Never(), {});
}

std::unique_ptr<Runner> TextModel::NewRunner() const { return std::make_unique<TextRunner>(*this); }

Status TextModel::WarmUp() const {
  constexpr std::string_view kShort = "A first text.";
  constexpr std::string_view kLonger = "Another text, to prove that the model runs two of them.";
  Status status = Prove(std::array{kLonger});
  if (!status || graph_.alone || !graph_.masked) return status;
  status = Prove(std::array{kShort, kLonger});
  if (status) return status;
  return Fail(status.error().code,
              fmt::format("the graph answers one text, but not two together: {}", status.error().message));
}

// Runs the texts as one batch.
Status TextModel::Prove(std::span<const std::string_view> texts) const {
  std::vector<JobPtr> batch;
  for (const std::string_view text : texts) {
    Result<TokenIds> tokens = tokenizer().Encode(text, {.max_tokens = max_tokens(), .truncate = true});
    if (tokens && tokens->ids.empty()) tokens = tokenizer().Encode("0");
    if (!tokens) return Forward(tokens);
    if (tokens->ids.empty()) return {};  // a vocabulary of other scripts: nothing to try
    batch.push_back(std::make_unique<Job>(
        EncodeRequest(*tokens, 0, Deadline::Never(), {}), Permit(), [](const Result<Output>&) {}, TimePoint()));
  }
  for (Result<std::vector<Tensor>>& output : NewRunner()->Run(batch, {})) {
    if (!output) return Forward(output);
  }
  return {};
}

JobRequest TextModel::EncodeRequest(const TokenIds& tokens, std::size_t prompt, Deadline deadline,
                                    std::stop_token stop) const {
  const auto length = static_cast<std::int64_t>(tokens.ids.size());
  JobRequest request{.method = kEncode, .inputs = {}, .cost = {}, .deadline = deadline, .stop = std::move(stop)};
  for (const std::vector<std::int64_t>* values : {&tokens.ids, &tokens.type_ids}) {
    Tensor tensor = Tensor::Uninitialised(DataType::kInt64, {length});
    std::ranges::copy(*values, tensor.Mutable<std::int64_t>().begin());
    request.inputs.push_back(std::move(tensor));
  }
  // A model whose tokenizer gives no segments is trained on the first one alone.
  if (!folder().tokenizer.type_ids.value_or(true)) std::ranges::fill(request.inputs[1].Mutable<std::int64_t>(), 0);
  if (prompt > 0) {
    request.inputs.push_back(Tensor::Uninitialised(DataType::kInt64, {1}));
    request.inputs.back().Mutable<std::int64_t>()[0] = static_cast<std::int64_t>(prompt);
  }
  request.cost = {
      .length = static_cast<std::uint32_t>(graph_.fixed_tokens > 0 ? graph_.fixed_tokens : tokens.ids.size()),
      .group = kEncode,
      .bytes = 2 * tokens.ids.size() * sizeof(std::int64_t)};
  if (!graph_.masked) request.cost.group |= static_cast<std::uint64_t>(length) << 32;  // only with its own length
  if (graph_.alone) request.cost.group = 0;
  return request;
}

Result<std::shared_ptr<const TextModel>> TextModelLoader::LoadText(const std::string& name,
                                                                   const std::filesystem::path& folder,
                                                                   const std::filesystem::path& graph_file,
                                                                   const std::string& device) {
  Result<TextFolder> read = ReadTextFolder(folder);
  if (!read) return Forward(read);
  const bool lowercase = read->modules.lowercase;
  auto tokenizer = (lowercase ? lowercasing_ : tokenizers_)
                       .Get(folder / "tokenizer.json", [lowercase](const std::filesystem::path& file) {
                         return Tokenizer::Load(file, lowercase);
                       });
  if (!tokenizer) return Forward(tokenizer);
  auto encoder = backend_.LoadOn(folder / graph_file, device);
  if (!encoder) return Forward(encoder);
  TextModel::Parts parts{
      .name = name, .folder = std::move(*read), .tokenizer = *tokenizer, .encoder = *encoder, .head = nullptr};
  if (std::filesystem::exists(folder / "head.onnx")) {
    auto head = backend_.LoadOn(folder / "head.onnx", device);
    if (!head) return Forward(head);
    parts.head = *head;
  }
  return TextModel::Make(std::move(parts));
}

Result<std::shared_ptr<const Servable>> TextModelLoader::Load(const std::string& name,
                                                              const std::filesystem::path& folder,
                                                              const std::filesystem::path& graph_file,
                                                              const std::string& device) {
  Result<std::shared_ptr<const TextModel>> model = LoadText(name, folder, graph_file, device);
  if (!model) return Forward(model);
  return std::shared_ptr<const Servable>(std::move(*model));
}

}  // namespace weir
