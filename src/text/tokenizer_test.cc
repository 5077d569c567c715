#include "text/tokenizer.h"

#include "base/test_folder.h"
#include "base/test_paths.h"

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A real vocabulary: MiniLM's, lower-cased WordPiece.
class TokenizerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto loaded = Tokenizer::Load(DemoModels() / "minilm" / "tokenizer.json");
    ASSERT_TRUE(loaded) << loaded.error().message;
    tokenizer_ = *loaded;
  }
  std::shared_ptr<const Tokenizer> tokenizer_;
};

TEST_F(TokenizerTest, GivesTheIdsOfBertWithItsSpecialTokens) {
  const auto ids = tokenizer_->Encode("Hello world");
  ASSERT_TRUE(ids);
  EXPECT_THAT(ids->ids, ElementsAre(101, 7592, 2088, 102));
  EXPECT_THAT(ids->type_ids, ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(tokenizer_->vocabulary(), 30522U);
}

TEST_F(TokenizerTest, DoesNotPadOrCutByItself) {
  std::string text = "word";
  for (int i = 1; i < 1000; ++i) text += " word";
  EXPECT_EQ(tokenizer_->Encode(text)->ids.size(), 1002U);
  EXPECT_EQ(tokenizer_->Encode("word")->ids.size(), 3U);
}

TEST_F(TokenizerTest, RefusesATextOverTheLimitWithBothLengths) {
  const auto ids = tokenizer_->Encode("one two three", {.max_tokens = 4});
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().code, Code::kUnprocessable);
  EXPECT_THAT(ids.error().message, HasSubstr("the text has 5 tokens, the model takes 4"));
}

TEST_F(TokenizerTest, CutsOnRequestAndKeepsTheSpecialTokens) {
  const auto ids = tokenizer_->Encode("one two three", {.max_tokens = 4, .truncate = true});
  ASSERT_TRUE(ids);
  EXPECT_THAT(ids->ids, ElementsAre(101, 2028, 2048, 102));
}

TEST_F(TokenizerTest, RefusesWhatIsNotUtf8AndSaysWhere) {
  const auto ids = tokenizer_->Encode("ab\xff");
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().code, Code::kInvalidArgument);
  EXPECT_THAT(ids.error().message, HasSubstr("not valid UTF-8 at byte 2"));
}

TEST_F(TokenizerTest, TakesAnyValidText) {
  for (const char* text : {"", " ", "\t\n", "👨‍👩‍👧‍👦", "日本語", "e\u0301", "\x01\x02", "مرحبا"}) {
    EXPECT_TRUE(tokenizer_->Encode(text)) << text;
  }
}

TEST_F(TokenizerTest, EncodesOnManyThreadsAtOnce) {
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) right += tokenizer_->Encode("Hello world")->ids.size() == 4 ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(right, 800);
}

TEST(Tokenizer, RefusesAFileThatIsNoTokenizerAndNamesIt) {
  const TestFolder folder;
  for (const char* content : {"", "{", "{}", "[1, 2]", "{\"model\": {\"type\": \"Unheard\"}}"}) {
    const auto broken = Tokenizer::Load(folder.Write("tokenizer.json", content));
    ASSERT_FALSE(broken) << content;
    EXPECT_EQ(broken.error().code, Code::kUnprocessable);
    EXPECT_THAT(broken.error().message, HasSubstr("tokenizer.json is not a tokenizer: "));
  }
  EXPECT_EQ(Tokenizer::Load(folder.path() / "none").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace weir
