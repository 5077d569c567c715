#include "hub/names.h"

namespace weir::hub {
namespace {

using ::testing::HasSubstr;

TEST(ParseReference, TakesRepositoryAndRevisionWithOrWithoutThePrefix) {
  const Result<Reference> plain = ParseReference("hf:org/all-MiniLM_L6.v2");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->repository, "org/all-MiniLM_L6.v2");
  EXPECT_EQ(plain->revision, "main");
  EXPECT_EQ(plain->ShortName(), "all-MiniLM_L6.v2");
  const Result<Reference> exact = ParseReference("gpt2@refs/pr/1");
  ASSERT_TRUE(exact);
  EXPECT_EQ(exact->repository, "gpt2");
  EXPECT_EQ(exact->revision, "refs/pr/1");
  EXPECT_EQ(exact->ShortName(), "gpt2");
}

TEST(ParseReference, RefusesWhatCouldLeaveTheCacheOrChangeTheUrl) {
  for (const char* bad : {"", "hf:", "org/", "/name", "a/b/c", "../name", "org/..", "org/na..me", "org/a--b", "org/a b",
                          "org/a?b", "org/a#b", "org/%2e%2e", "-org/a", "org/.a", "org/a.", "org/a\n"}) {
    EXPECT_EQ(ParseReference(bad).error().code, Code::kInvalidArgument) << bad;
  }
  for (const char* bad : {"org/a@", "org/a@..", "org/a@x/../y", "org/a@/x", "org/a@x//y", "org/a@x y", "org/a@-x",
                          "org/a@x@y", "org/a@x?y"}) {
    EXPECT_THAT(ParseReference(bad).error().message, HasSubstr("no branch, tag or commit")) << bad;
  }
  EXPECT_FALSE(ParseReference("org/" + std::string(97, 'a')));
  EXPECT_TRUE(ParseReference("org/" + std::string(96, 'a')));
}

TEST(CheckFilePath, LetsOnlyPathsThroughThatStayInside) {
  for (const char* good :
       {"a", "config.json", "onnx/model.onnx", "1_Pooling/config.json", "a/..b", "..a", "naïve.txt"}) {
    EXPECT_TRUE(CheckFilePath(good)) << good;
  }
  for (const char* bad :
       {"", "/a", "..", "../a", "a/..", "a/../b", "a//b", "a/", "./a", "a/.", "a\\b", "a\nb", "\x7F"}) {
    EXPECT_FALSE(CheckFilePath(bad)) << bad;
  }
  EXPECT_FALSE(CheckFilePath(std::string_view("a\0b", 3)));
  EXPECT_FALSE(CheckFilePath(std::string(2000, 'a')));
  EXPECT_THAT(CheckFilePath("../\x1b[31m").error().message, HasSubstr("'../?[31m'")) << "a terminal is not written to";
}

TEST(NormalizeEtag, DropsTheWeaknessAndTheQuotes) {
  EXPECT_EQ(NormalizeEtag("\"abc\""), "abc");
  EXPECT_EQ(NormalizeEtag("W/\"abc\""), "abc");
  EXPECT_EQ(NormalizeEtag("abc"), "abc");
  EXPECT_EQ(NormalizeEtag("\""), "\"");
}

TEST(CheckEtag, LetsOnlyFileNamesThrough) {
  EXPECT_TRUE(CheckEtag(std::string(64, 'a')));
  for (const char* bad : {"", ".", "..", ".hidden", "a/b", "../a", "a b", "\""}) EXPECT_FALSE(CheckEtag(bad)) << bad;
  EXPECT_FALSE(CheckEtag(std::string(129, 'a')));
}

TEST(UrlEncode, KeepsSlashesOnlyWhereTheySeparate) {
  EXPECT_EQ(UrlEncode("refs/pr/1", false), "refs%2Fpr%2F1");
  EXPECT_EQ(UrlEncode("onnx/a b?.onnx", true), "onnx/a%20b%3F.onnx");
  EXPECT_EQ(UrlEncode("\xC3\xAF", true), "%C3%AF");
}

TEST(IsCommit, MeansFortyHexadecimalDigits) {
  EXPECT_TRUE(IsCommit("0123456789abcdef0123456789abcdef01234567"));
  EXPECT_FALSE(IsCommit("0123456789ABCDEF0123456789abcdef01234567"));
  EXPECT_FALSE(IsCommit("main"));
}

}  // namespace
}  // namespace weir::hub
