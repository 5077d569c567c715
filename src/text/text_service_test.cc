#include "text/text_service.h"

#include <numeric>

#include "base/log.h"
#include "base/test_folder.h"
#include "base/test_paths.h"
#include "engine/tensor_servable.h"
#include "model/onnx/onnx_backend.h"

namespace weir {
namespace {

using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

// The real demo models in a real engine; made once, because loading takes longer than the tests.
class World {
 public:
  static World& Get() {
    static World world;
    return world;
  }

  TextService& texts() { return texts_; }
  Engine& engine() { return engine_; }

 private:
  class Loader final : public ServableLoader {
   public:
    Result<std::shared_ptr<const Servable>> Load(const std::string& name) override {
      if (name != "simple") return texts_.Load(name, DemoModels() / name);
      auto model = backend_->Load(ExampleModels() / name / "model.onnx");
      if (!model) return Forward(model);
      return MakeTensorServable(*model);
    }

   private:
    const std::unique_ptr<Backend> backend_ = MakeOnnxBackend();
    TextModelLoader texts_{*backend_};
  };

  World() {
    log::SetLevel("error");
    for (const char* name : {"minilm", "sentiment", "simple"}) {
      const Status loaded = engine_.LoadAndWait(name);
      EXPECT_TRUE(loaded) << loaded.error().message;
    }
  }

  Loader loader_;
  Metrics metrics_;
  Engine engine_{{.deployment = {.workers = 2}}, loader_, Clock::Steady(), metrics_};
  ThreadPool tokenizers_{1, "tokenize"};
  TextService texts_{engine_, tokenizers_};
};

std::vector<float> Values(const Tensor& tensor) {
  const auto values = tensor.As<float>();
  return {values.begin(), values.end()};
}

Embeddings Embed(std::vector<std::string> texts) {
  auto answer = World::Get().texts().EmbedAndWait({.model = "minilm", .texts = std::move(texts)});
  EXPECT_TRUE(answer) << answer.error().message;
  return std::move(*answer);
}

float Cosine(const Tensor& a, const Tensor& b) {
  return std::inner_product(a.As<float>().begin(), a.As<float>().end(), b.As<float>().begin(), 0.0F);
}

TEST(TextService, EmbedsWithLengthOneAndSimilarTextsNearEachOther) {
  const Embeddings all = Embed({"A cat sits on the mat.", "A kitten rests on the rug.", "Interest rates rose."});
  ASSERT_EQ(all.vectors.size(), 3U);
  EXPECT_EQ(all.vectors[0].elements(), 384U);
  EXPECT_NEAR(Cosine(all.vectors[0], all.vectors[0]), 1, 1e-5);
  EXPECT_GT(Cosine(all.vectors[0], all.vectors[1]), Cosine(all.vectors[0], all.vectors[2]) + 0.3);
  EXPECT_EQ(all.usage.tokens, 9U + 9U + 6U);
}

TEST(TextService, ABatchedAnswerEqualsTheSingleOne) {
  std::vector<std::string> texts;
  for (int i = 1; i <= 12; ++i)
    texts.push_back(fmt::format("short text number {} of some", i) + std::string(i % 3, '!'));
  const Embeddings together = Embed(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Embeddings alone = Embed({texts[i]});
    EXPECT_THAT(Values(together.vectors[i]), Pointwise(FloatNear(1e-5F), Values(alone.vectors[0]))) << texts[i];
  }
}

TEST(TextService, ManyCallersAtOnceGetTheirOwnAnswers) {
  const std::vector<std::string> texts = {"one", "two words", "three words here", "and now four words"};
  std::vector<Embeddings> expected;
  for (const std::string& text : texts) expected.push_back(Embed({text}));
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        const Embeddings mine = Embed({texts[t % 4]});
        EXPECT_NEAR(Cosine(mine.vectors[0], expected[t % 4].vectors[0]), 1, 1e-5);
      }
    });
  }
}

TEST(TextService, ClassifiesWithTheModelsOwnLabelsBestFirst) {
  auto answer = World::Get().texts().ClassifyAndWait(
      {.model = "sentiment", .texts = {"I love this wonderful film.", "Terrible. A complete waste of money."}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->labels[0][0].label, "POSITIVE");
  EXPECT_EQ(answer->labels[1][0].label, "NEGATIVE");
  EXPECT_NEAR(answer->labels[0][0].score + answer->labels[0][1].score, 1, 1e-6);
  EXPECT_GE(answer->labels[0][0].score, answer->labels[0][1].score);
}

Error Refusal(TextRequest request) {
  const auto answer = World::Get().texts().EmbedAndWait(std::move(request));
  EXPECT_FALSE(answer);
  return answer ? Error{} : answer.error();
}

TEST(TextService, NamesTheTextThatIsWrong) {
  EXPECT_EQ(Refusal({.model = "minilm", .texts = {"good", " \t"}}).field, "input[1]");
  EXPECT_EQ(Refusal({.model = "minilm", .texts = {}}).field, "input");
  std::string text = "word";
  for (int i = 1; i < 600; ++i) text += " word";
  const Error long_text = Refusal({.model = "minilm", .texts = {"good", text}});
  EXPECT_EQ(long_text.code, Code::kUnprocessable);
  EXPECT_EQ(long_text.field, "input[1]");
  EXPECT_THAT(long_text.message, HasSubstr("text 1: the text has 602 tokens, the model takes 512"));
  EXPECT_TRUE(World::Get().texts().EmbedAndWait({.model = "minilm", .texts = {text}, .truncate = true}));
}

TEST(TextService, AnswersTheOthersWhenAskedTo) {
  std::string text = "word";
  for (int i = 1; i < 600; ++i) text += " word";
  TextRequest request{.model = "minilm", .texts = {"good", "\u3000", text, "", "fine"}, .on_error = OnError::kPartial};
  request.unreadable.emplace(3, Error{Code::kInvalidArgument, "a number"});
  const auto answer = World::Get().texts().EmbedAndWait(request);
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->vectors.size(), 5U);
  EXPECT_EQ(answer->vectors[0].elements(), 384U);
  EXPECT_EQ(answer->vectors[4].elements(), 384U);
  ASSERT_EQ(answer->errors.size(), 3U);
  EXPECT_EQ(answer->errors.at(1).message, "'input[1]' is an empty text");
  EXPECT_THAT(answer->errors.at(2).message, HasSubstr("602 tokens"));
  EXPECT_EQ(answer->errors.at(3).message, "a number");
  EXPECT_EQ(answer->usage.tokens, 6U);
  request.on_error = OnError::kFail;
  EXPECT_EQ(Refusal(request).field, "input[1]");
}

TEST(TextService, WithoutAGoodTextEveryPlaceHasItsError) {
  const auto blank =
      World::Get().texts().EmbedAndWait({.model = "minilm", .texts = {" ", "\t"}, .on_error = OnError::kPartial});
  ASSERT_TRUE(blank);
  EXPECT_EQ(blank->errors.size(), 2U);
  std::string text = "word";
  for (int i = 1; i < 600; ++i) text += " word";
  const auto long_ones =
      World::Get().texts().EmbedAndWait({.model = "minilm", .texts = {text, text}, .on_error = OnError::kPartial});
  ASSERT_TRUE(long_ones);
  EXPECT_EQ(long_ones->errors.size(), 2U);
  EXPECT_EQ(long_ones->usage.tokens, 0U);
}

TEST(TextService, ErrorsOfTheRequestAreNobodysOwn) {
  EXPECT_EQ(Refusal({.model = "minilm", .texts = {"x"}, .on_error = OnError::kPartial, .dimensions = 1000}).field,
            "dimensions");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(Refusal({.model = "minilm", .texts = {"x"}, .on_error = OnError::kPartial, .stop = stop.get_token()}).code,
            Code::kCancelled);
}

TEST(TextService, SplitsALongTextIntoMoreJobsThanTextsAndAnswersOnce) {
  std::string text;
  for (int i = 0; i < 1200; ++i) text += "word ";
  const auto answer = World::Get().texts().EmbedAndWait({.model = "minilm", .texts = {"short", text}, .overlap = 8});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->vectors.size(), 2U);
  EXPECT_EQ(answer->usage.tokens, 3U + 1200 + 2 * 8 + 3 * 2);
  EXPECT_NEAR(Cosine(answer->vectors[1], answer->vectors[1]), 1, 1e-5);
}

TEST(TextService, RefusesAModelWithAnotherTask) {
  EXPECT_THAT(Refusal({.model = "sentiment", .texts = {"x"}}).message, HasSubstr("its task is classification"));
  EXPECT_THAT(Refusal({.model = "simple", .texts = {"x"}}).message, HasSubstr("its task is tensor"));
  EXPECT_EQ(Refusal({.model = "nothing", .texts = {"x"}}).code, Code::kNotFound);
}

TEST(TextService, ACancelledRequestIsAnswered) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(Refusal({.model = "minilm", .texts = {"x"}, .stop = stop.get_token()}).code, Code::kCancelled);
}

TEST(TextService, RefusesAtOnceWhenTheDeadlineIsOver) {
  const Code code = Refusal({.model = "minilm", .texts = {"x"}, .deadline = Deadline(TimePoint())}).code;
  EXPECT_TRUE(code == Code::kDeadlineExceeded || code == Code::kResourceExhausted);
}

TEST(TextService, KeepsADeadlineThatPassesBeforeTokenizing) {
  // Its own service, whose only tokenizer thread is held.
  ThreadPool busy(1, "tokenize");
  std::latch may_go_on(1);
  busy.Submit([&may_go_on] { may_go_on.wait(); });
  TextService texts(World::Get().engine(), busy);
  const auto answer = texts.EmbedAndWait(
      {.model = "minilm", .texts = {"x"}, .deadline = Deadline::After(Clock::Steady(), std::chrono::milliseconds(20))});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kDeadlineExceeded);
  may_go_on.count_down();
}

TEST(TextModelLoader, SharesEncoderAndTokenizerBetweenFoldersThatLeadToTheSameFiles) {
  const auto backend = MakeOnnxBackend();
  TextModelLoader loader(*backend);
  const auto minilm = loader.Load("minilm", DemoModels() / "minilm");
  const auto sentiment = loader.Load("sentiment", DemoModels() / "sentiment");
  ASSERT_TRUE(minilm && sentiment);
  const auto& first = dynamic_cast<const TextModel&>(**minilm);
  const auto& second = dynamic_cast<const TextModel&>(**sentiment);
  EXPECT_EQ(&first.manifest(), &second.manifest());
  EXPECT_EQ(&first.tokenizer(), &second.tokenizer());
}

class BrokenFolder : public ::testing::Test {
 protected:
  std::string Refusal() {
    const auto loaded = loader_.Load("m", folder_.path());
    return loaded ? "accepted" : loaded.error().message;
  }
  void Link(const char* name, const std::filesystem::path& target) {
    std::filesystem::remove(folder_.path() / name);
    std::filesystem::create_symlink(target, folder_.path() / name);
  }

  const TestFolder folder_;
  const std::unique_ptr<Backend> backend_ = MakeOnnxBackend();
  TextModelLoader loader_{*backend_};
};

TEST_F(BrokenFolder, AGraphThatIsNoTextEncoderIsRefused) {
  Link("tokenizer.json", std::filesystem::absolute(DemoModels() / "minilm" / "tokenizer.json"));
  Link("model.onnx", std::filesystem::absolute(ExampleModels() / "simple" / "model.onnx"));
  EXPECT_THAT(Refusal(), HasSubstr("the graph's input 'INPUT0' (INT32 [-1, 16]) is none of a text encoder's"));
}

TEST_F(BrokenFolder, AHeadWithoutLabelsOrWithOthersIsRefused) {
  for (const char* name : {"tokenizer.json", "model.onnx"}) {
    Link(name, std::filesystem::canonical(DemoModels() / "minilm" / name));
  }
  Link("head.onnx", std::filesystem::canonical(DemoModels() / "sentiment" / "head.onnx"));
  EXPECT_THAT(Refusal(), HasSubstr("config.json has no id2label"));
  folder_.Write("config.json", R"({"id2label": {"0": "a", "1": "b", "2": "c"}})");
  EXPECT_THAT(Refusal(), HasSubstr("head.onnx gives 2 values, config.json has 3 labels"));
}

}  // namespace
}  // namespace weir
