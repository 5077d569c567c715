#include "base/nearest.h"

namespace weir {
namespace {

const std::vector<std::string> kNames = {"minilm", "sentiment", "identity"};

TEST(Nearest, FindsASwapAReplacementAndAMissingLetter) {
  EXPECT_EQ(Nearest("minlim", kNames), "minilm");
  EXPECT_EQ(Nearest("identitx", kNames), "identity");
  EXPECT_EQ(Nearest("sentment", kNames), "sentiment");
}

TEST(Nearest, IgnoresCase) { EXPECT_EQ(Nearest("MiniLM", kNames), "minilm"); }

TEST(Nearest, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(Nearest("bert-large", kNames), "");
  EXPECT_EQ(Nearest("", kNames), "");
  EXPECT_EQ(DidYouMean("bert-large", kNames), "");
}

TEST(Nearest, DoesNotCompareNamesOfAnyLength) { EXPECT_EQ(Nearest(std::string(100'000, 'x'), kNames), ""); }

TEST(Nearest, MakesAPhraseForAMessage) { EXPECT_EQ(DidYouMean("minilmm", kNames), " (did you mean 'minilm'?)"); }

}  // namespace
}  // namespace weir
