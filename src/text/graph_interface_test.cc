#include "text/graph_interface.h"

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Shape kAny = {-1, -1};

TensorSpec Input(std::string name, Shape shape = kAny, DataType type = DataType::kInt64) {
  return {std::move(name), type, std::move(shape)};
}
TensorSpec Floats(std::string name, Shape shape) { return {std::move(name), DataType::kFp32, std::move(shape)}; }

// A graph of ids and mask with these outputs.
Manifest With(std::vector<TensorSpec> outputs) {
  return {.platform = "test", .inputs = {Input("input_ids"), Input("attention_mask")}, .outputs = std::move(outputs)};
}
Manifest Taking(std::vector<TensorSpec> inputs) {
  return {.platform = "test", .inputs = std::move(inputs), .outputs = {Floats("last_hidden_state", {-1, -1, 8})}};
}

TextFolder Architecture(std::string name, bool modules = false) {
  TextFolder folder;
  folder.config.architecture = std::move(name);
  folder.modules.listed = modules;
  return folder;
}

std::string Chosen(const Manifest& manifest, const TextFolder& folder = {}) {
  const auto graph = InspectGraph(manifest, folder);
  return graph ? manifest.outputs[graph->output].name : graph.error().message;
}
std::string Refusal(const Manifest& manifest, const TextFolder& folder = {}) {
  const auto graph = InspectGraph(manifest, folder);
  return graph ? "accepted" : graph.error().message;
}

TEST(InspectGraph, KnowsEachInputByItsName) {
  const auto graph = InspectGraph(Taking({Input("position_ids"), Input("input_ids", kAny, DataType::kInt32),
                                          Input("token_type_ids"), Input("attention_mask")}),
                                  {});
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_THAT(graph->inputs, ElementsAre(InputRole::kPositions, InputRole::kIds, InputRole::kTypes, InputRole::kMask));
  EXPECT_TRUE(graph->masked);
  EXPECT_FALSE(graph->alone);
  EXPECT_EQ(graph->width, 8U);
}

TEST(InspectGraph, RefusesOtherInputsAndSaysWhatTheyAreFor) {
  EXPECT_THAT(Refusal(Taking({Input("input_ids"), Input("decoder_input_ids")})),
              HasSubstr("it translates or summarizes"));
  EXPECT_THAT(Refusal(Taking({Input("input_ids"), Input("past_key_values.0.key")})), HasSubstr("it generates text"));
  EXPECT_THAT(Refusal(Taking({Input("input_ids"), Floats("pixel_values", {-1, 3})})), HasSubstr("it reads images"));
  EXPECT_THAT(Refusal(Taking({Input("attention_mask")})), HasSubstr("no input 'input_ids'"));
  EXPECT_THAT(Refusal(Taking({Floats("input_ids", kAny)})), HasSubstr("'input_ids' (FP32 [-1, -1])"));
  EXPECT_THAT(Refusal(Taking({Input("input_ids", {-1})})), HasSubstr("'input_ids' (INT64 [-1])"));
}

TEST(InspectGraph, HonoursSizesThatTheGraphFixes) {
  const auto alone = InspectGraph(Taking({Input("input_ids", {1, -1}), Input("attention_mask", {1, -1})}), {});
  ASSERT_TRUE(alone);
  EXPECT_TRUE(alone->alone);
  const auto fixed = InspectGraph(Taking({Input("input_ids", {-1, 64}), Input("attention_mask", {-1, 64})}), {});
  ASSERT_TRUE(fixed);
  EXPECT_EQ(fixed->fixed_tokens, 64U);
  EXPECT_THAT(Refusal(Taking({Input("input_ids", {4, -1})})), HasSubstr("exactly 4 texts at a time"));
  EXPECT_THAT(Refusal(Taking({Input("input_ids", {-1, 64})})), HasSubstr("has no attention_mask to tell"));
  EXPECT_THAT(Refusal(Taking({Input("input_ids", {-1, 64}), Input("attention_mask", {-1, 32})})),
              HasSubstr("does not fit its other inputs"));
}

TEST(InspectGraph, TakesVectorsOfTokensBeforeAFinishedOne) {
  const TensorSpec tokens = Floats("token_embeddings", {-1, -1, 8});
  const TensorSpec sentence = Floats("sentence_embedding", {-1, 8});
  EXPECT_EQ(Chosen(With({sentence, tokens})), "token_embeddings");
  EXPECT_EQ(Chosen(With({Floats("pooler_output", {-1, 8}), sentence})), "sentence_embedding");
  EXPECT_EQ(InspectGraph(With({sentence}), {})->kind, OutputKind::kVectors);
}

TEST(InspectGraph, TakesLogitsOfAClassifier) {
  const TensorSpec logits = Floats("logits", {-1, 2});
  const TensorSpec hidden = Floats("last_hidden_state", {-1, -1, 8});
  EXPECT_EQ(Chosen(With({logits})), "logits");
  EXPECT_EQ(Chosen(With({hidden, logits}), Architecture("BertForSequenceClassification")), "logits");
  EXPECT_EQ(Chosen(With({hidden, logits})), "last_hidden_state");
  // Folders of sentence-transformers keep the name that the weights were trained under.
  EXPECT_EQ(Chosen(With({hidden, logits}), Architecture("BertForSequenceClassification", true)), "last_hidden_state");
  EXPECT_EQ(Chosen(With({hidden}), Architecture("MPNetForMaskedLM")), "last_hidden_state");
}

TEST(InspectGraph, RefusesWhatAnswersEachToken) {
  const Manifest each = With({Floats("logits", {-1, -1, 9})});
  EXPECT_THAT(Refusal(each, Architecture("BertForTokenClassification")),
              HasSubstr("(token classification), which is not served"));
  EXPECT_THAT(Refusal(each, Architecture("BertForMaskedLM")), HasSubstr("it predicts masked words"));
  EXPECT_THAT(Refusal(each, Architecture("LlamaForCausalLM")), HasSubstr("it generates text"));
  EXPECT_THAT(Refusal(each), HasSubstr("it answers every token"));
  EXPECT_THAT(Refusal(With({Floats("start_logits", kAny), Floats("end_logits", kAny)})),
              HasSubstr("answers questions"));
}

TEST(InspectGraph, DoesNotGuessWhatAnOutputMeans) {
  EXPECT_THAT(Refusal(With({Floats("output_0", {-1, -1, 8}), Floats("output_1", {-1, 8})})),
              HasSubstr("its outputs are 'output_0', 'output_1'"));
  EXPECT_THAT(Refusal(With({Floats("last_hidden_state", {-1, 8})})),
              HasSubstr("is FP32 [-1, 8], not FP32, FP16 or BF16 of rank 3"));
  EXPECT_THAT(Refusal(With({{"last_hidden_state", DataType::kInt32, {-1, -1, 8}}})), HasSubstr("is INT32"));
}

}  // namespace
}  // namespace weir
