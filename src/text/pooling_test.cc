#include "text/pooling.h"

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::Pointwise;

std::vector<float> Pooled(Pooling pooling, const std::vector<float>& tokens, std::size_t width, std::size_t skip = 0) {
  std::vector<float> out(width);
  Pool(pooling, tokens, skip, out);
  return out;
}

TEST(Pool, MeanIsTheAverageOfTheTokens) {
  EXPECT_THAT(Pooled(Pooling::kMean, {1, 2, 3, 4, 5, 9}, 2), ElementsAre(3, 5));
}
TEST(Pool, ClsIsTheFirstToken) { EXPECT_THAT(Pooled(Pooling::kCls, {1, 2, 3, 4}, 2), ElementsAre(1, 2)); }
TEST(Pool, MaxTakesTheLargestOfEachDimension) {
  EXPECT_THAT(Pooled(Pooling::kMax, {1, 9, -3, 4, 5, 2}, 2), ElementsAre(5, 9));
}
TEST(Pool, MeanSqrtLenDividesByTheRootOfTheCount) {
  EXPECT_THAT(Pooled(Pooling::kMeanSqrtLen, {1, 2, 3, 4, 5, 6, 7, 8}, 2), ElementsAre(8, 10));
}
TEST(Pool, WeightedMeanCountsLaterTokensMore) {
  EXPECT_THAT(Pooled(Pooling::kWeightedMean, {6, 12, 3, 0}, 2), ElementsAre(4, 4));
}
TEST(Pool, LastTokenIsTheLast) { EXPECT_THAT(Pooled(Pooling::kLastToken, {1, 2, 3, 4}, 2), ElementsAre(3, 4)); }
TEST(Pool, OneTokenIsItsOwnPool) {
  for (const Pooling pooling : {Pooling::kMean, Pooling::kCls, Pooling::kMax, Pooling::kMeanSqrtLen,
                                Pooling::kWeightedMean, Pooling::kLastToken}) {
    EXPECT_THAT(Pooled(pooling, {-1, 2}, 2), ElementsAre(-1, 2)) << PoolingName(pooling);
  }
}
TEST(Pool, TheTokensOfAPromptDoNotCount) {
  const std::vector<float> tokens = {9, 9, 1, 2, 3, 6};
  EXPECT_THAT(Pooled(Pooling::kMean, tokens, 2, 1), ElementsAre(2, 4));
  EXPECT_THAT(Pooled(Pooling::kMax, tokens, 2, 1), ElementsAre(3, 6));
  EXPECT_THAT(Pooled(Pooling::kCls, tokens, 2, 1), ElementsAre(1, 2));
  EXPECT_THAT(Pooled(Pooling::kLastToken, tokens, 2, 1), ElementsAre(3, 6));
  // The weights stay 2 and 3.
  EXPECT_THAT(Pooled(Pooling::kWeightedMean, {9, 1, 6}, 1, 1), ElementsAre(4));
  EXPECT_THAT(Pooled(Pooling::kMean, tokens, 2, 5), ElementsAre(0, 0));
}
TEST(PoolingNames, AreReadBack) {
  for (const char* name : {"mean", "cls", "max", "mean_sqrt_len", "weightedmean", "lasttoken"}) {
    ASSERT_TRUE(PoolingFromName(name)) << name;
    EXPECT_EQ(PoolingName(*PoolingFromName(name)), name);
  }
  EXPECT_EQ(PoolingFromName("mean_sqrt_len_tokens"), Pooling::kMeanSqrtLen);
  EXPECT_FALSE(PoolingFromName("middle"));
}

TEST(NormalizeL2, GivesLengthOneAndLeavesZeroAlone) {
  std::vector<float> vector = {3, 4};
  NormalizeL2(vector);
  EXPECT_THAT(vector, Pointwise(FloatNear(1e-7F), {0.6F, 0.8F}));
  std::vector<float> zero = {0, 0};
  NormalizeL2(zero);
  EXPECT_THAT(zero, ElementsAre(0, 0));
}

TEST(Softmax, SumsToOneAndDoesNotOverflow) {
  std::vector<float> logits = {1000, 1000, -1000};
  Softmax(logits);
  EXPECT_THAT(logits, Pointwise(FloatNear(1e-6F), {0.5F, 0.5F, 0.0F}));
}

TEST(Sigmoid, IsTakenOfEachValueAlone) {
  std::vector<float> logits = {0, 1000, -1000, 1};
  Sigmoid(logits);
  EXPECT_THAT(logits, Pointwise(FloatNear(1e-6F), {0.5F, 1.0F, 0.0F, 0.7310586F}));
}

TEST(TopLabels, AreBestFirstAndCutToTheCount) {
  const std::vector<std::string> labels = {"a", "b", "c"};
  const std::vector<float> scores = {0.2F, 0.5F, 0.3F};
  const auto all = TopLabels(labels, scores, 0);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].label, "b");
  EXPECT_EQ(all[2].label, "a");
  EXPECT_EQ(TopLabels(labels, scores, 1).size(), 1U);
  EXPECT_EQ(TopLabels(labels, scores, 9).size(), 3U);
}

TEST(TopLabels, EqualScoresKeepTheModelsOrder) {
  const std::vector<std::string> labels = {"x", "y"};
  const std::vector<float> scores = {0.5F, 0.5F};
  EXPECT_EQ(TopLabels(labels, scores, 0)[0].label, "x");
}

}  // namespace
}  // namespace weir
