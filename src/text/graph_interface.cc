#include "text/graph_interface.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "model/half.h"

namespace weir {
namespace {

std::unexpected<Error> DoesNotFit(std::string message) { return Fail(Code::kUnprocessable, std::move(message)); }

constexpr std::array<std::pair<std::string_view, InputRole>, 4> kRoles = {{{"input_ids", InputRole::kIds},
                                                                           {"attention_mask", InputRole::kMask},
                                                                           {"token_type_ids", InputRole::kTypes},
                                                                           {"position_ids", InputRole::kPositions}}};

// What a graph with this input is for, when that is known.
std::string_view OtherUse(std::string_view input) {
  if (input.starts_with("decoder_") || input.starts_with("encoder_")) return ": it translates or summarizes";
  if (input.starts_with("past_key_values")) return ": it generates text";
  if (input == "pixel_values" || input == "input_features") return ": it reads images or sound";
  return "";
}

// The same size wherever the graph fixes it; -1 where it does not.
Status Agree(std::int64_t size, const TensorSpec& input, std::int64_t& agreed) {
  if (size < 0) return {};
  if (agreed >= 0 && agreed != size) {
    return DoesNotFit(fmt::format("the graph's input '{}' is {}, which does not fit its other inputs", input.name,
                                  ShapeString(input.shape)));
  }
  agreed = size;
  return {};
}

Status InspectInputs(const Manifest& manifest, GraphInterface& graph) {
  std::int64_t batch = -1;
  std::int64_t tokens = -1;
  for (const TensorSpec& input : manifest.inputs) {
    const auto role = std::ranges::find(kRoles, input.name, &std::pair<std::string_view, InputRole>::first);
    const bool whole = input.type == DataType::kInt64 || input.type == DataType::kInt32;
    if (role == kRoles.end() || !whole || input.shape.size() != 2) {
      return DoesNotFit(
          fmt::format("the graph's input '{}' ({} {}) is none of a text encoder's (input_ids, "
                      "attention_mask, token_type_ids, position_ids, each INT64 or INT32 [batch, "
                      "sequence]){}",
                      input.name, DataTypeName(input.type), ShapeString(input.shape), OtherUse(input.name)));
    }
    graph.inputs.push_back(role->second);
    graph.masked = graph.masked || role->second == InputRole::kMask;
    Status fits = Agree(input.shape[0], input, batch);
    if (fits) fits = Agree(input.shape[1], input, tokens);
    if (!fits) return fits;
  }
  if (manifest.InputIndex("input_ids") < 0) return DoesNotFit("the graph has no input 'input_ids'");
  if (batch > 1) {
    return DoesNotFit(
        fmt::format("the graph takes exactly {} texts at a time; export it with a batch of any size", batch));
  }
  if (tokens == 0 || batch == 0) return DoesNotFit("the graph takes no tokens");
  if (tokens > 0 && !graph.masked) {
    return DoesNotFit(
        fmt::format("the graph takes exactly {} tokens and has no attention_mask to tell which are "
                    "padding; export it with a sequence of any length",
                    tokens));
  }
  graph.alone = batch == 1;
  graph.fixed_tokens = static_cast<std::size_t>(std::max<std::int64_t>(tokens, 0));
  return {};
}

// The sentence for a graph that answers each token, by what config.json calls the model.
std::string AnswersTokens(const ModelConfig& config) {
  const std::string_view name = config.architecture;
  std::string_view use = "it answers every token, not the text";
  if (name.ends_with("ForTokenClassification")) use = "it labels every token (token classification)";
  if (name.ends_with("ForMaskedLM") || name.ends_with("ForPreTraining")) use = "it predicts masked words";
  if (name.ends_with("ForCausalLM") || name.ends_with("LMHeadModel")) use = "it generates text";
  if (name.ends_with("ForConditionalGeneration")) use = "it translates or summarizes";
  return fmt::format("{}: {}, which is not served (embeddings and classification of texts are)",
                     name.empty() ? "the model" : name, use);
}

class OutputSearch {
 public:
  OutputSearch(const Manifest& manifest, const TextFolder& folder) : manifest_(manifest), folder_(folder) {}

  Result<GraphInterface> Into(GraphInterface graph) const {
    if (Named("start_logits") && Named("end_logits")) {
      return DoesNotFit("the graph answers questions from a text (start_logits, end_logits), which is not served");
    }
    const std::optional<std::size_t> logits = Named("logits");
    const std::optional<std::size_t> tokens = FirstNamed({"last_hidden_state", "token_embeddings"});
    const bool classifies = folder_.config.classifies() && !folder_.modules.listed;
    if (logits && Rank(*logits) == 2 && (classifies || !tokens))
      return Take(std::move(graph), *logits, OutputKind::kLogits);
    if (tokens) return Take(std::move(graph), *tokens, OutputKind::kTokens);
    if (logits) return DoesNotFit(AnswersTokens(folder_.config));
    if (const auto found = FirstNamed({"sentence_embedding", "text_embeds"})) {
      return Take(std::move(graph), *found, OutputKind::kVectors);
    }
    // A guess by shape could serve vectors that mean something else.
    std::vector<std::string> names;
    for (const TensorSpec& output : manifest_.outputs) names.push_back(output.name);
    return DoesNotFit(
        fmt::format("the graph has no output 'last_hidden_state', 'token_embeddings', 'sentence_embedding', "
                    "'text_embeds' or 'logits'; its outputs are '{}'",
                    fmt::join(names, "', '")));
  }

 private:
  Result<GraphInterface> Take(GraphInterface graph, std::size_t index, OutputKind kind) const {
    const TensorSpec& output = manifest_.outputs[index];
    const std::size_t rank = kind == OutputKind::kTokens ? 3 : 2;
    if (!WidensToFp32(output.type) || output.shape.size() != rank) {
      return DoesNotFit(fmt::format("the graph's output '{}' is {} {}, not FP32, FP16 or BF16 of rank {}", output.name,
                                    DataTypeName(output.type), ShapeString(output.shape), rank));
    }
    graph.output = index;
    graph.kind = kind;
    graph.width = static_cast<std::size_t>(std::max<std::int64_t>(output.shape.back(), 0));
    graph.why = fmt::format("the graph has an output '{}'", output.name);
    return graph;
  }

  std::optional<std::size_t> Named(std::string_view name) const {
    const int index = manifest_.OutputIndex(name);
    if (index < 0) return std::nullopt;
    return static_cast<std::size_t>(index);
  }
  std::optional<std::size_t> FirstNamed(std::initializer_list<std::string_view> names) const {
    for (const std::string_view name : names) {
      if (const auto found = Named(name)) return found;
    }
    return std::nullopt;
  }
  std::size_t Rank(std::size_t index) const { return manifest_.outputs[index].shape.size(); }

  const Manifest& manifest_;
  const TextFolder& folder_;
};

}  // namespace

std::string_view OutputKindName(OutputKind kind) {
  switch (kind) {
    case OutputKind::kTokens: return "a vector for each token";
    case OutputKind::kVectors: return "a finished vector";
    case OutputKind::kLogits: return "logits";
  }
  return "";
}

Result<GraphInterface> InspectGraph(const Manifest& manifest, const TextFolder& folder) {
  GraphInterface graph;
  Status inputs = InspectInputs(manifest, graph);
  if (!inputs) return Forward(inputs);
  return OutputSearch(manifest, folder).Into(std::move(graph));
}

}  // namespace weir
