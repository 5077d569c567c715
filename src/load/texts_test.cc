#include "load/texts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/test_folder.h"

namespace weir::load {
namespace {

std::size_t Words(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, ' ')) + 1; }

std::vector<std::size_t> Lengths(const std::string& spec, std::size_t count) {
  std::vector<std::size_t> lengths;
  for (const std::string& text : MakeTexts(*LengthDistribution::Parse(spec), count, 1)) lengths.push_back(Words(text));
  std::ranges::sort(lengths);
  return lengths;
}

TEST(LengthDistribution, FixedIsAlwaysThat) {
  const auto lengths = Lengths("fixed:18", 100);
  EXPECT_EQ(lengths.front(), 18U);
  EXPECT_EQ(lengths.back(), 18U);
}

TEST(LengthDistribution, UniformReachesBothEnds) {
  const auto lengths = Lengths("uniform:8-16", 5000);
  EXPECT_EQ(lengths.front(), 8U);
  EXPECT_EQ(lengths.back(), 16U);
  EXPECT_EQ(lengths[2500], 12U);
}

TEST(LengthDistribution, LogNormalHasTheMedianAndTheP95AndIsCut) {
  const auto lengths = Lengths("lognormal:median=18,p95=100,max=300", 20'000);
  EXPECT_NEAR(static_cast<double>(lengths[10'000]), 18, 1);
  EXPECT_NEAR(static_cast<double>(lengths[19'000]), 100, 6);
  EXPECT_EQ(lengths.back(), 300U);
  EXPECT_GE(lengths.front(), 1U);
}

TEST(LengthDistribution, RefusesWhatItDoesNotUnderstandAndShowsExamples) {
  for (const char* spec :
       {"", "fixed", "fixed:", "fixed:0", "fixed:x", "fixed:3 ", "uniform:8", "uniform:9-8", "uniform:-",
        "uniform:1-2-3", "lognormal:median=18", "lognormal:p95=1,median=2", "lognormal:median=9,p95=3",
        "lognormal:median=9,p95=30,max=3", "lognormal:median=9,p95=30,min=3", "lognormal:median=9,p95=30,max=40,",
        "lognormal:median=9,p95=30,max=40,x", "normal:3", "fixed:1000000"}) {
    const auto lengths = LengthDistribution::Parse(spec);
    ASSERT_FALSE(lengths) << spec;
    EXPECT_EQ(lengths.error().code, Code::kInvalidArgument);
    EXPECT_NE(lengths.error().message.find("fixed:18"), std::string::npos);
  }
}

TEST(MakeTexts, IsTheSameForTheSameSeedOnly) {
  const auto lengths = *LengthDistribution::Parse("uniform:1-9");
  EXPECT_EQ(MakeTexts(lengths, 50, 3), MakeTexts(lengths, 50, 3));
  EXPECT_NE(MakeTexts(lengths, 50, 3), MakeTexts(lengths, 50, 4));
}

TEST(MakeTexts, IsBoundedInMemory) {
  const auto texts = MakeTexts(*LengthDistribution::Parse("fixed:100000"), 100'000, 1);
  EXPECT_LT(texts.size(), 300U);
  EXPECT_GT(texts.size(), 50U);
}

class ReadTextsTest : public ::testing::Test {
 protected:
  std::filesystem::path Write(const std::string& text) {
    const std::filesystem::path file = folder_.path() / "texts";
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  TestFolder folder_;
};

TEST_F(ReadTextsTest, TakesOneTextALineWithoutBlankOnes) {
  EXPECT_EQ(*ReadTexts(Write("one two\n\n  \nthree\r\nfour {")),
            (std::vector<std::string>{"one two", "three", "four {"}));
}

TEST_F(ReadTextsTest, TakesNdjsonWithTextOrInput) {
  EXPECT_EQ(*ReadTexts(Write("{\"text\": \"a\\nb\", \"id\": 1}\n{\"input\": \"c\"}\n")),
            (std::vector<std::string>{"a\nb", "c"}));
}

TEST_F(ReadTextsTest, NamesTheLineOfABadOne) {
  const auto broken = ReadTexts(Write("{\"text\": \"a\"}\n\n{\"text\": 3}\n"));
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("line 3"), std::string::npos) << broken.error().message;
  const auto nothing = ReadTexts(Write("{\"words\": \"a\"}"));
  ASSERT_FALSE(nothing);
  EXPECT_NE(nothing.error().message.find("neither 'text' nor 'input'"), std::string::npos);
}

TEST_F(ReadTextsTest, RefusesAFileThatIsEmptyOrIsNotThere) {
  EXPECT_EQ(ReadTexts(Write("\n\n")).error().code, Code::kInvalidArgument);
  EXPECT_EQ(ReadTexts(folder_.path() / "none").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace weir::load
