#include "sentiment/service.h"

namespace weir::sentiment {
namespace {

TEST(Strip, TakesAwayWhiteSpaceAsUnicodeHasIt) {
  EXPECT_EQ(Strip(" \t\r\n a b \n"), "a b");
  EXPECT_EQ(Strip("\u00A0\u3000ü\u2003"), "ü");
  EXPECT_EQ(Strip(" \u2028 "), "");
  EXPECT_EQ(Strip(""), "");
  EXPECT_EQ(Strip("\xFF \xFF"), "\xFF \xFF");  // is no text; whoever reads it says so
}

TEST(CountCharacters, CountsCodePoints) {
  EXPECT_EQ(CountCharacters(""), 0U);
  EXPECT_EQ(CountCharacters("aü€🦜"), 4U);
}

}  // namespace
}  // namespace weir::sentiment
