// Odd folders around the real encoder: what a tokenizer may do that the graph does not expect.
#include "text/text_model.h"

#include <fstream>

#include "base/log.h"
#include "base/test_folder.h"
#include "base/test_paths.h"
#include "model/onnx/onnx_backend.h"
#include "text/text_service.h"

namespace weir {
namespace {

using ::testing::HasSubstr;

// Words are looked up in the real encoder's embedding table; "far" lies beyond its end, "z" vanishes.
constexpr std::string_view kTokenizer =
    R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[],)"
    R"("normalizer":{"type":"Replace","pattern":{"String":"z"},"content":""},"pre_tokenizer":{"type":"Whitespace"},)"
    R"("post_processor":null,"decoder":null,"model":{"type":"WordLevel","unk_token":"[UNK]",)"
    R"("vocab":{"[UNK]":100,"cat":4937,"dog":3899,"far":40000}}})";

class OddTokenizer : public ::testing::TestWithParam<const char*> {
 protected:
  OddTokenizer() {
    log::SetLevel("error");
    std::filesystem::create_symlink(std::filesystem::canonical(DemoModels() / "minilm" / "model.onnx"),
                                    folder_.path() / "model.onnx");
    folder_.Write("tokenizer.json", kTokenizer);
    folder_.Write("1_Pooling/config.json", fmt::format("{{\"{}\": true}}", GetParam()));
    const Status loaded = engine_.LoadAndWait(loader_.name());
    EXPECT_TRUE(loaded) << loaded.error().message;
  }

  Result<Embeddings> Embed(std::vector<std::string> texts) {
    return texts_.EmbedAndWait({.model = loader_.name(), .texts = std::move(texts)});
  }

  const TestFolder folder_;
  const std::unique_ptr<Backend> backend_ = MakeOnnxBackend();
  OneTextModel loader_{*backend_, folder_.path()};
  Metrics metrics_;
  Engine engine_{{.deployment = {.workers = 1}}, loader_, Clock::Steady(), metrics_};
  ThreadPool tokenizers_{1, "tokenize"};
  TextService texts_{engine_, tokenizers_};
};

TEST_P(OddTokenizer, ATextWithoutTokensIsRefused) {
  const auto answer = Embed({"z"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnprocessable);
  EXPECT_EQ(answer.error().message, "the text has no tokens");
  EXPECT_TRUE(Embed({"cat"}));
}

TEST_P(OddTokenizer, ATextThatTheGraphCannotRunFailsAlone) {
  // One request, so that its texts are batched: the second is to blame, and is named.
  const auto together = Embed({"cat", "far", "dog"});
  ASSERT_FALSE(together);
  EXPECT_EQ(together.error().field, "input[1]");
  EXPECT_THAT(together.error().message, HasSubstr("text 1: the model cannot run on this input"));
  // Many callers at once: the good ones have their answers whatever they shared a batch with.
  std::vector<std::jthread> callers;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&, i] {
      for (int n = 0; n < 5; ++n) right += Embed({i % 2 == 0 ? "cat" : "far"}).has_value() == (i % 2 == 0) ? 1 : 0;
    });
  }
  callers.clear();
  EXPECT_EQ(right, 40);
}

INSTANTIATE_TEST_SUITE_P(Pooling, OddTokenizer,
                         ::testing::Values("pooling_mode_mean_tokens", "pooling_mode_cls_token",
                                           "pooling_mode_max_tokens"),
                         [](const auto& test) { return std::string(test.param); });

TEST(TextModel, BoundsTheTensorsOfARawRequest) {
  const auto backend = MakeOnnxBackend();
  TextModelLoader loader(*backend);
  const auto model = loader.Load("minilm", DemoModels() / "minilm");
  ASSERT_TRUE(model) << model.error().message;
  const auto check = [&](Shape shape) {
    JobRequest request;
    for (int i = 0; i < 3; ++i) request.inputs.push_back(Tensor::Uninitialised(DataType::kInt64, shape));
    return (*model)->Check(request);
  };
  EXPECT_TRUE(check({32, 512}));
  EXPECT_EQ(check({33, 512}).error().code, Code::kTooLarge);
  EXPECT_EQ(check({1, 513}).error().code, Code::kUnprocessable);
  EXPECT_EQ(check({512}).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace weir
