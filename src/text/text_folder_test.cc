#include "text/text_folder.h"

#include "base/test_folder.h"

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TextFolderTest : public ::testing::Test {
 protected:
  std::string Refusal() const {
    const auto read = ReadTextFolder(folder_.path());
    return read ? "accepted" : read.error().message;
  }
  TextFolder Read() const {
    auto read = ReadTextFolder(folder_.path());
    EXPECT_TRUE(read) << read.error().message;
    return read ? std::move(*read) : TextFolder{};
  }
  void Modules(std::initializer_list<const char*> kinds) const {
    std::string list;
    for (const char* kind : kinds) {
      list += fmt::format(R"({}{{"type": "sentence_transformers.models.{}"}})", list.empty() ? "" : ",", kind);
    }
    folder_.Write("modules.json", "[" + list + "]");
  }
  const TestFolder folder_;
};

TEST_F(TextFolderTest, AnEmptyFolderHasTheDefaults) {
  const TextFolder read = Read();
  EXPECT_EQ(read.max_tokens, 512U);
  EXPECT_THAT(read.modules.pooling, ElementsAre(Pooling::kMean));
  EXPECT_TRUE(read.modules.normalize);
  EXPECT_TRUE(read.config.labels.empty());
  EXPECT_EQ(read.tokenizer.truncation_side, Side::kRight);
  EXPECT_TRUE(read.prompts.by_name.empty());
}

TEST_F(TextFolderTest, ReadsLengthLabelsPoolingAndModules) {
  folder_.Write("config.json", R"({"max_position_embeddings": 128, "id2label": {"1": "good", "0": "bad"}})");
  folder_.Write("1_Pooling/config.json", R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})");
  Modules({"Transformer", "Pooling"});
  const TextFolder read = Read();
  EXPECT_EQ(read.max_tokens, 128U);
  EXPECT_THAT(read.config.labels, ElementsAre("bad", "good"));
  EXPECT_THAT(read.modules.pooling, ElementsAre(Pooling::kCls));
  EXPECT_FALSE(read.modules.normalize);
}

TEST_F(TextFolderTest, TheLeastLimitHolds) {
  folder_.Write("config.json", R"({"max_position_embeddings": 512})");
  folder_.Write("tokenizer_config.json", R"({"model_max_length": 384})");
  EXPECT_EQ(Read().max_tokens, 384U);
  folder_.Write("sentence_bert_config.json", R"({"max_seq_length": 256})");
  EXPECT_EQ(Read().max_tokens, 256U);
  EXPECT_THAT(Read().max_tokens_from, HasSubstr("max_seq_length"));
}

TEST_F(TextFolderTest, TheFamilysOwnFileHasTheLimitToo) {
  folder_.Write("sentence_xlm-roberta_config.json", R"({"max_seq_length": 100, "do_lower_case": true})");
  EXPECT_EQ(Read().max_tokens, 100U);
  EXPECT_TRUE(Read().modules.lowercase);
}

TEST_F(TextFolderTest, AnAstronomicalLimitIsNone) {
  // What a tokenizer without a limit writes: int(1e30), beyond any integer type.
  folder_.Write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(Read().max_tokens, 512U);
  folder_.Write("config.json", R"({"max_position_embeddings": 8192})");
  EXPECT_EQ(Read().max_tokens, 8192U);
}

TEST_F(TextFolderTest, FamiliesThatKeepPositionsForPaddingHaveFewer) {
  folder_.Write("config.json", R"({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1})");
  EXPECT_EQ(Read().max_tokens, 512U);
  EXPECT_EQ(Read().config.first_position, 2U);
  folder_.Write("config.json", R"({"model_type": "mpnet", "max_position_embeddings": 130})");
  EXPECT_EQ(Read().max_tokens, 128U);
  folder_.Write("config.json", R"({"model_type": "bert", "max_position_embeddings": 514, "pad_token_id": 1})");
  EXPECT_EQ(Read().max_tokens, 514U);
  EXPECT_EQ(Read().config.pad_token, 1U);
  folder_.Write("config.json", R"({"model_type": "roberta", "max_position_embeddings": 2, "pad_token_id": 1})");
  EXPECT_THAT(Refusal(), HasSubstr("max_position_embeddings is 2, of which roberta keeps the first 2"));
}

TEST_F(TextFolderTest, ReadsWhatPythonWritesThoughItIsNotJson) {
  folder_.Write("config.json", R"({"layer_norm_eps": NaN, "scale": Infinity, "max_position_embeddings": 64})");
  EXPECT_EQ(Read().max_tokens, 64U);
}

TEST_F(TextFolderTest, TheSideAndTheSegmentsComeFromTheTokenizer) {
  folder_.Write("tokenizer_config.json",
                R"({"truncation_side": "left", "model_input_names": ["input_ids", "attention_mask"]})");
  EXPECT_EQ(Read().tokenizer.truncation_side, Side::kLeft);
  EXPECT_EQ(Read().tokenizer.type_ids, false);
  folder_.Write("tokenizer_config.json", R"({"truncation_side": "top"})");
  EXPECT_THAT(Refusal(), HasSubstr("truncation_side is neither left nor right"));
}

TEST_F(TextFolderTest, RefusesLabelsWithGapsOrWrongIds) {
  folder_.Write("config.json", R"({"id2label": {"0": "bad", "2": "good"}})");
  EXPECT_THAT(Refusal(), HasSubstr("config.json: id2label[\"2\"] is not a label of a class 0..1"));
  folder_.Write("config.json", R"({"id2label": {"0": "bad", "one": "good"}})");
  EXPECT_THAT(Refusal(), HasSubstr("id2label[\"one\"]"));
  folder_.Write("config.json", R"({"id2label": ["bad", "good"]})");
  EXPECT_THAT(Refusal(), HasSubstr("id2label is not an object"));
}

TEST_F(TextFolderTest, LabelsWithoutNamesAreNumbered) {
  folder_.Write("config.json", R"({"num_labels": 2})");
  EXPECT_THAT(Read().config.labels, ElementsAre("LABEL_0", "LABEL_1"));
}

TEST_F(TextFolderTest, RefusesWhatIsNotJsonAndNamesTheFile) {
  folder_.Write("config.json", "{\"a\": ");
  EXPECT_THAT(Refusal(), HasSubstr("config.json: not valid JSON"));
}

TEST_F(TextFolderTest, RefusesLinksThatLeadNowhereOrInACircle) {
  std::filesystem::create_symlink("nowhere.json", folder_.path() / "config.json");
  EXPECT_THAT(Refusal(), HasSubstr("config.json: a link that leads nowhere"));
  std::filesystem::remove(folder_.path() / "config.json");
  std::filesystem::create_symlink("config.json", folder_.path() / "config.json");
  EXPECT_THAT(Refusal(), HasSubstr("config.json: "));
  std::filesystem::remove(folder_.path() / "config.json");
  std::filesystem::create_directory(folder_.path() / "config.json");
  EXPECT_THAT(Refusal(), HasSubstr("config.json: not a regular file"));
}

TEST_F(TextFolderTest, RefusesALengthThatIsNone) {
  for (const char* length : {"0", "-5", "\"many\"", "1e300"}) {
    folder_.Write("config.json", fmt::format("{{\"max_position_embeddings\": {}}}", length));
    EXPECT_THAT(Refusal(), HasSubstr("max_position_embeddings")) << length;
  }
}

TEST_F(TextFolderTest, ReadsEachPoolingInBothSpellings) {
  const std::map<std::string, Pooling> older = {
      {"cls_token", Pooling::kCls},       {"max_tokens", Pooling::kMax},
      {"mean_tokens", Pooling::kMean},    {"mean_sqrt_len_tokens", Pooling::kMeanSqrtLen},
      {"lasttoken", Pooling::kLastToken}, {"weightedmean_tokens", Pooling::kWeightedMean}};
  for (const auto& [key, pooling] : older) {
    folder_.Write("1_Pooling/config.json", fmt::format(R"({{"pooling_mode_{}": true, "include_prompt": false}})", key));
    EXPECT_THAT(Read().modules.pooling, ElementsAre(pooling)) << key;
    EXPECT_FALSE(Read().modules.include_prompt);
  }
  folder_.Write("1_Pooling/config.json", R"({"pooling_mode": "lasttoken"})");
  EXPECT_THAT(Read().modules.pooling, ElementsAre(Pooling::kLastToken));
}

TEST_F(TextFolderTest, SeveralPoolingsStandBehindEachOther) {
  folder_.Write("1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true})");
  EXPECT_THAT(Read().modules.pooling, ElementsAre(Pooling::kCls, Pooling::kMean));
  folder_.Write("1_Pooling/config.json", R"({"pooling_mode": ["mean", "cls"]})");
  EXPECT_THAT(Read().modules.pooling, ElementsAre(Pooling::kMean, Pooling::kCls));
  folder_.Write("1_Pooling/config.json", R"({"pooling_mode": "mean+max"})");
  EXPECT_THAT(Read().modules.pooling, ElementsAre(Pooling::kMean, Pooling::kMax));
}

TEST_F(TextFolderTest, RefusesAPoolingThatIsNotServed) {
  folder_.Write("1_Pooling/config.json", R"({"pooling_mode": "attention"})");
  EXPECT_THAT(Refusal(), HasSubstr("the pooling 'attention' is not served"));
  folder_.Write("1_Pooling/config.json", R"({"pooling_mode_attention": true})");
  EXPECT_THAT(Refusal(), HasSubstr("pooling_mode_attention is not served"));
}

TEST_F(TextFolderTest, RefusesModulesThatAreNotServedByName) {
  Modules({"Transformer", "LSTM"});
  EXPECT_THAT(Refusal(), HasSubstr("module sentence_transformers.models.LSTM is not served"));
  Modules({"Transformer", "Normalize", "Pooling"});
  EXPECT_THAT(Refusal(), HasSubstr("Normalize before a Pooling is not served"));
  Modules({"Transformer", "Pooling", "Pooling"});
  EXPECT_THAT(Refusal(), HasSubstr("two Pooling modules"));
  folder_.Write("modules.json", R"([{"type": "custom_st.Transformer"}])");
  EXPECT_THAT(Refusal(), HasSubstr("module custom_st.Transformer is not served: it is code of its own"));
  folder_.Write("modules.json", R"({"a": 1})");
  EXPECT_THAT(Refusal(), HasSubstr("not a list of modules"));
}

TEST_F(TextFolderTest, RefusesAModuleOutsideTheFolder) {
  for (const char* path : {"../other", "/etc", "a/../../b"}) {
    folder_.Write("modules.json",
                  fmt::format(R"([{{"type": "sentence_transformers.models.Pooling", "path": "{}"}}])", path));
    EXPECT_THAT(Refusal(), HasSubstr("leaves the model's folder")) << path;
  }
}

TEST_F(TextFolderTest, ReadsPrompts) {
  folder_.Write("config_sentence_transformers.json",
                R"({"prompts": {"query": "query: ", "document": ""}, "default_prompt_name": "query"})");
  EXPECT_EQ(Read().prompts.by_name.at("query"), "query: ");
  EXPECT_EQ(Read().prompts.default_name, "query");
  folder_.Write("config_sentence_transformers.json", R"({"prompts": {}, "default_prompt_name": null})");
  EXPECT_EQ(Read().prompts.default_name, "");
  folder_.Write("config_sentence_transformers.json", R"({"prompts": {}, "default_prompt_name": "query"})");
  EXPECT_THAT(Refusal(), HasSubstr("default_prompt_name is 'query', which is none of prompts"));
  folder_.Write("config_sentence_transformers.json", R"({"prompts": {"a": 5}})");
  EXPECT_THAT(Refusal(), HasSubstr("prompts[\"a\"] is not a text"));
}

std::string Chosen(ModelConfig config, std::size_t labels) {
  const auto choice = ChooseActivation(config, labels);
  return choice ? std::string(ActivationName(choice->kind)) : choice.error().message;
}

TEST(ChooseActivation, FollowsTheProblemAndTheNumberOfLabels) {
  EXPECT_EQ(Chosen({}, 2), "softmax");
  EXPECT_EQ(Chosen({}, 1), "sigmoid");
  EXPECT_EQ(Chosen({.problem_type = "single_label_classification"}, 3), "softmax");
  EXPECT_EQ(Chosen({.problem_type = "single_label_classification"}, 1), "sigmoid");
  EXPECT_EQ(Chosen({.problem_type = "multi_label_classification"}, 3), "sigmoid");
  EXPECT_EQ(Chosen({.problem_type = "regression"}, 1), "none");
  EXPECT_THAT(Chosen({.problem_type = "riddle"}, 2), HasSubstr("problem_type riddle is not served"));
}

TEST(ChooseActivation, ACrossEncoderMayNameItsOwn) {
  EXPECT_EQ(Chosen({.head_function = "torch.nn.modules.linear.Identity"}, 1), "none");
  EXPECT_EQ(Chosen({.head_function = "torch.nn.modules.activation.Sigmoid"}, 1), "sigmoid");
  EXPECT_EQ(Chosen({.head_function = "torch.nn.modules.linear.Identity"}, 3), "softmax");
  EXPECT_THAT(Chosen({.head_function = "my.Own"}, 1), HasSubstr("the activation my.Own, which is not served"));
}

}  // namespace
}  // namespace weir
