// Texts become jobs and rows become answers: options, with the real demo models.
#include "text/text_answer.h"

#include "base/test_folder.h"
#include "base/test_paths.h"
#include "model/onnx/onnx_backend.h"
#include "text/text_jobs.h"

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

TEST(IsBlank, KnowsTheWhiteSpaceOfUnicode) {
  for (const char* blank :
       {"", " ", "\t\r\n\v\f", "\u00a0", "\u3000 \u2003", "\x1c\x1d\x1e\x1f", "\u2028\u2029\u0085"}) {
    EXPECT_TRUE(IsBlank(blank)) << blank;
  }
  // A zero-width space is no white space to Unicode, a NUL neither.
  for (const std::string& text :
       {std::string("a"), std::string(" \u00a0."), std::string("\u200b"), std::string(1, '\0')}) {
    EXPECT_FALSE(IsBlank(text)) << text;
  }
}

// A folder around the demo encoder with JSON files of its own.
class Options : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"model.onnx", "tokenizer.json", "config.json"}) {
      std::filesystem::create_symlink(std::filesystem::canonical(DemoModels() / "minilm" / name),
                                      folder_.path() / name);
    }
  }

  void Load(const std::string& head = "") {
    if (!head.empty()) {
      std::filesystem::remove(folder_.path() / "config.json");
      folder_.Write("config.json", head);
      std::filesystem::create_symlink(std::filesystem::canonical(DemoModels() / "sentiment" / "head.onnx"),
                                      folder_.path() / "head.onnx");
    }
    auto loaded = loader_.LoadText("m", folder_.path());
    ASSERT_TRUE(loaded) << loaded.error().message;
    model_ = *loaded;
  }

  Error Refusal(const TextRequest& request) const {
    const auto plan = TextPlan::Make(model_, request);
    EXPECT_FALSE(plan);
    return plan ? Error{} : plan.error();
  }
  TextJobs Jobs(const TextRequest& request) const {
    const auto plan = TextPlan::Make(model_, request);
    EXPECT_TRUE(plan) << plan.error().message;
    auto jobs = plan->Encode(0, {});
    EXPECT_TRUE(jobs) << jobs.error().message;
    return jobs ? std::move(*jobs) : TextJobs{};
  }
  static std::vector<std::int64_t> Ids(const JobRequest& job) {
    const auto ids = job.inputs[0].As<std::int64_t>();
    return {ids.begin(), ids.end()};
  }
  static Tensor Row(std::initializer_list<float> values) {
    Tensor row = Tensor::Uninitialised(DataType::kFp32, {static_cast<std::int64_t>(values.size())});
    std::ranges::copy(values, row.Mutable<float>().begin());
    return row;
  }
  static std::vector<float> Values(const Result<Tensor>& tensor) {
    EXPECT_TRUE(tensor);
    const auto values = tensor->As<float>();
    return {values.begin(), values.end()};
  }

  const TestFolder folder_;
  const std::unique_ptr<Backend> backend_ = MakeOnnxBackend();
  TextModelLoader loader_{*backend_};
  std::shared_ptr<const TextModel> model_;
};

TEST_F(Options, APromptGoesBeforeTheTextAndMayBeLeftOutOfThePooling) {
  folder_.Write("config_sentence_transformers.json",
                R"({"prompts": {"query": "one ", "plain": ""}, "default_prompt_name": "query"})");
  folder_.Write("1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true, "include_prompt": false})");
  Load();
  const TextJobs by_default = Jobs({.texts = {"two"}});
  EXPECT_THAT(Ids(by_default.jobs[0]), ElementsAre(101, 2028, 2048, 102));
  ASSERT_EQ(by_default.jobs[0].inputs.size(), 3U);
  EXPECT_EQ(by_default.jobs[0].inputs[2].As<std::int64_t>()[0], 2);  // [CLS] and "one"
  EXPECT_THAT(Ids(Jobs({.texts = {"two"}, .prompt_name = "plain"}).jobs[0]), ElementsAre(101, 2048, 102));
  EXPECT_THAT(Ids(Jobs({.texts = {"two"}, .prompt = "three "}).jobs[0]), ElementsAre(101, 2093, 2048, 102));
  EXPECT_EQ(Jobs({.texts = {"two"}, .prompt = ""}).jobs[0].inputs.size(), 2U);
}

TEST_F(Options, RefusesPromptsThatThereAreNot) {
  folder_.Write("config_sentence_transformers.json", R"({"prompts": {"query": "one "}})");
  Load();
  EXPECT_THAT(Refusal({.texts = {"a"}, .prompt_name = "qury"}).message,
              HasSubstr("the model has no prompt 'qury' (did you mean 'query'?); it has query"));
  EXPECT_EQ(Refusal({.texts = {"a"}, .prompt_name = "query", .prompt = "x"}).field, "prompt");
  EXPECT_THAT(Refusal({.texts = {"a"}, .prompt = std::string(kMaxPromptBytes + 1, 'x')}).message,
              HasSubstr("'prompt' has 2001 bytes, the limit is 2000"));
}

TEST_F(Options, RefusesWindowsThatDoNotMoveOnOrOfPairs) {
  Load();
  EXPECT_EQ(Refusal({.texts = {"a"}, .overlap = 510}).message,
            "'overlap' is 510, but a window holds 510 tokens of the text: it must be less");
  EXPECT_EQ(Refusal({.texts = {"a", "b"}, .pairs = {std::nullopt, "c"}, .overlap = 1}).message,
            "'overlap' is for single texts; 'input[1]' is a pair");
  EXPECT_EQ(Refusal({.texts = {"a"}, .truncate = true, .overlap = 1}).field, "overlap");
  EXPECT_EQ(Refusal({.texts = {"a"}, .dimensions = 385}).field, "dimensions");
}

TEST_F(Options, ALongTextBecomesAJobForEachWindow) {
  Load();
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "word ";
  const TextJobs jobs = Jobs({.texts = {text}, .overlap = 10});
  ASSERT_EQ(jobs.jobs.size(), 2U);
  EXPECT_EQ(jobs.jobs[0].inputs[0].elements(), 512U);
  EXPECT_EQ(jobs.jobs[1].inputs[0].elements(), 1000U - 500 + 2);
  EXPECT_EQ(jobs.tokens, 512U + 502U);
}

TEST_F(Options, VectorsOfWindowsArePooledAndScaled) {
  Load();  // a model that normalizes
  const std::vector<Tensor> windows = {Row({3, 4}), Row({0, -2})};
  EXPECT_THAT(Values(MakeEmbedding(*model_, {}, {windows.data(), 1})), Pointwise(FloatNear(1e-6F), {0.6F, 0.8F}));
  EXPECT_THAT(Values(MakeEmbedding(*model_, {.normalize = false}, {windows.data(), 1})), ElementsAre(3, 4));
  // The mean of (0.6, 0.8) and (0, -1), scaled.
  const float length = std::sqrt(0.3F * 0.3F + 0.1F * 0.1F);
  EXPECT_THAT(Values(MakeEmbedding(*model_, {}, windows)),
              Pointwise(FloatNear(1e-6F), {0.3F / length, -0.1F / length}));
  EXPECT_THAT(Values(MakeEmbedding(*model_, {.window_pool = WindowPool::kMax, .normalize = false}, windows)),
              ElementsAre(3, 4));
  EXPECT_THAT(Values(MakeEmbedding(*model_, {.dimensions = 1}, {windows.data(), 1})), ElementsAre(1));
  EXPECT_EQ(MakeEmbedding(*model_, {.dimensions = 3}, windows).error().field, "dimensions");
}

TEST_F(Options, LabelsOfWindowsArePooledAsProbabilities) {
  Load(R"({"id2label": {"0": "a", "1": "b"}})");
  EXPECT_EQ(model_->activation().kind, Activation::kSoftmax);
  const std::vector<Tensor> windows = {Row({0, 0}), Row({10, -10})};
  EXPECT_NEAR(MakeLabels(*model_, {}, windows)[0].score, 0.75, 1e-6);
  EXPECT_NEAR(MakeLabels(*model_, {.window_pool = WindowPool::kMax}, windows)[0].score, 1, 1e-6);
  const auto raw = MakeLabels(*model_, {.top_k = 1, .raw_scores = true}, windows);
  ASSERT_EQ(raw.size(), 1U);
  EXPECT_EQ(raw[0].score, 5);
}

TEST_F(Options, SeveralLabelsAtOnceAreScoredEachAlone) {
  Load(R"({"id2label": {"0": "a", "1": "b"}, "problem_type": "multi_label_classification"})");
  const std::vector<Tensor> rows = {Row({0, 100})};
  const auto labels = MakeLabels(*model_, {}, rows);
  EXPECT_EQ(labels[0].label, "b");
  EXPECT_FLOAT_EQ(labels[0].score, 1);
  EXPECT_FLOAT_EQ(labels[1].score, 0.5);
}

TEST_F(Options, AVocabularyBeyondTheModelsIsRefused) {
  std::filesystem::remove(folder_.path() / "config.json");
  folder_.Write("config.json", R"({"vocab_size": 30521})");
  const auto loaded = loader_.LoadText("m", folder_.path());
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("token ids up to 30521, the model knows 30521 tokens"));
}

}  // namespace
}  // namespace weir
