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

TEST_F(TokenizerTest, CutsTheBeginningWhenAskedTo) {
  const auto ids = tokenizer_->Encode("one two three", {.max_tokens = 4, .truncate = true, .side = Side::kLeft});
  ASSERT_TRUE(ids);
  EXPECT_THAT(ids->ids, ElementsAre(101, 2048, 2093, 102));
}

TEST_F(TokenizerTest, EncodesPairsWithTheirSegmentsAndCutsTheLongerFirst) {
  const TextView pair{.text = "one two three four", .pair = "world"};
  const auto whole = tokenizer_->Encode(pair);
  ASSERT_TRUE(whole);
  EXPECT_THAT(whole->ids, ElementsAre(101, 2028, 2048, 2093, 2176, 102, 2088, 102));
  EXPECT_THAT(whole->type_ids, ElementsAre(0, 0, 0, 0, 0, 0, 1, 1));
  const auto cut = tokenizer_->Encode(pair, {.max_tokens = 6, .truncate = true});
  ASSERT_TRUE(cut);
  EXPECT_THAT(cut->ids, ElementsAre(101, 2028, 2048, 102, 2088, 102));
  EXPECT_THAT(tokenizer_->Encode(pair, {.max_tokens = 6}).error().message,
              HasSubstr("the two texts have 8 tokens, the model takes 6"));
}

TEST_F(TokenizerTest, SplitsALongTextIntoWindowsThatShareTokens) {
  const auto windows = tokenizer_->EncodeWindows({.text = "one two three four five"}, {.max_tokens = 5, .overlap = 1});
  ASSERT_TRUE(windows) << windows.error().message;
  ASSERT_EQ(windows->size(), 2U);
  EXPECT_THAT((*windows)[0].ids, ElementsAre(101, 2028, 2048, 2093, 102));
  EXPECT_THAT((*windows)[1].ids, ElementsAre(101, 2093, 2176, 2274, 102));
  EXPECT_EQ(tokenizer_->EncodeWindows({.text = "one two"}, {.max_tokens = 5, .overlap = 1})->size(), 1U);
  // An overlap that leaves no room to go on, which the callers check before.
  EXPECT_FALSE(tokenizer_->EncodeWindows({.text = "one two three four five"}, {.max_tokens = 5, .overlap = 3}));
}

TEST_F(TokenizerTest, OfAHugeTextTheEndThatIsKeptIsTheSame) {
  std::string text = "first";
  for (int i = 0; i < 100'000; ++i) text += fmt::format(" {} caf\u00e9 \u65e5\u672c", i % 977);
  const auto whole = tokenizer_->Encode(text)->ids;
  const auto right = tokenizer_->Encode(text, {.max_tokens = 512, .truncate = true})->ids;
  ASSERT_EQ(right.size(), 512U);
  EXPECT_TRUE(std::equal(right.begin(), right.end() - 1, whole.begin()));
  const auto left = tokenizer_->Encode(text, {.max_tokens = 512, .truncate = true, .side = Side::kLeft})->ids;
  EXPECT_TRUE(std::equal(left.begin() + 1, left.end(), whole.end() - 511));
  EXPECT_THAT(tokenizer_->Encode(text, {.max_tokens = 512}).error().message, HasSubstr("the text has more than "));
  const auto pair = tokenizer_->Encode(TextView{.text = "word", .pair = text}, {.max_tokens = 16, .truncate = true});
  EXPECT_TRUE(std::equal(pair->ids.begin() + 3, pair->ids.end() - 1, whole.begin() + 1));
  // Few tokens in many bytes: all of it is read.
  EXPECT_EQ(tokenizer_->Encode(std::string(1'000'000, 'a'), {.max_tokens = 512})->ids.size(), 3U);
  EXPECT_FALSE(tokenizer_->Encode(text + "\xff", {.max_tokens = 512, .truncate = true, .side = Side::kLeft}));
}

TEST_F(TokenizerTest, TellsWhatItIs) {
  EXPECT_EQ(tokenizer_->HighestId(), 30521U);
  EXPECT_EQ(tokenizer_->special_tokens(), 2U);
  EXPECT_TRUE(tokenizer_->IsSpecial(102));
  EXPECT_FALSE(tokenizer_->IsSpecial(2028));
  EXPECT_EQ(tokenizer_->Describe().kind, "WordPiece");
  EXPECT_THAT(tokenizer_->Describe().special_tokens, ElementsAre("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"));
}

TEST_F(TokenizerTest, GivesTokensTheirSpecialTokensUnlessTheyHaveSome) {
  const auto whole = tokenizer_->Encode("a red kite");
  ASSERT_TRUE(whole);
  const std::vector<std::uint32_t> with(whole->ids.begin(), whole->ids.end());
  const std::vector<std::uint32_t> without(with.begin() + 1, with.end() - 1);
  for (const auto& ids : {with, without}) {
    const auto again = tokenizer_->Encode(TextView{.text = {}, .ids = ids});
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->ids, whole->ids);
    EXPECT_EQ(again->type_ids, whole->type_ids);
  }
  const std::vector<std::uint32_t> unknown = {4'000'000'000};
  EXPECT_THAT(tokenizer_->Encode(TextView{.text = {}, .ids = unknown}).error().message,
              HasSubstr("4000000000 is no token of the model"));
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

TEST(Tokenizer, PutsTextsIntoLowerCaseWhenItsFolderAsksForIt) {
  const TestFolder folder;
  const auto file = folder.Write(
      "tokenizer.json", R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[],)"
                        R"("normalizer":null,"pre_tokenizer":{"type":"Whitespace"},"post_processor":null,)"
                        R"("decoder":null,"model":{"type":"WordLevel","unk_token":"?","vocab":{"?":0,"cat":1}}})");
  EXPECT_THAT((*Tokenizer::Load(file))->Encode("CAT cat")->ids, ElementsAre(0, 1));
  EXPECT_THAT((*Tokenizer::Load(file, true))->Encode("CAT cat")->ids, ElementsAre(1, 1));
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
