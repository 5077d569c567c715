#include "http/content_coding.h"

namespace weir::http {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kMost = 1U << 20;

TEST(ContentCoding, GoesBothWays) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += fmt::format("{} ", i);
  for (const Coding coding : {Coding::kGzip, Coding::kDeflate, Coding::kZstd}) {
    const auto packed = Pack(coding, text);
    ASSERT_TRUE(packed);
    EXPECT_LT(packed->size(), text.size() / 2);
    EXPECT_EQ(Unpack(coding, *packed, kMost).value(), text);
    EXPECT_EQ(Unpack(coding, *packed, text.size()).value(), text);
    EXPECT_EQ(Unpack(coding, *packed, text.size() - 1).error().code, Code::kTooLarge);
    EXPECT_EQ(Unpack(coding, Pack(coding, "").value(), kMost).value(), "");
  }
}

TEST(ContentCoding, StopsABombAtTheLimit) {
  for (const Coding coding : {Coding::kGzip, Coding::kZstd}) {
    const auto bomb = Pack(coding, std::string(64U << 20, '\0'));
    ASSERT_TRUE(bomb);
    EXPECT_LT(bomb->size(), 512U << 10);
    EXPECT_EQ(Unpack(coding, *bomb, kMost).error().code, Code::kTooLarge);
  }
}

TEST(ContentCoding, RefusesWhatIsCutChangedOrFollowed) {
  const std::string whole = Pack(Coding::kGzip, "What a lovely day.").value();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(Unpack(Coding::kGzip, whole.substr(0, size), kMost).error().code, Code::kInvalidArgument) << size;
  }
  EXPECT_THAT(Unpack(Coding::kGzip, whole + "x", kMost).error().message, HasSubstr("1 bytes follow"));
  const std::string other = Pack(Coding::kZstd, "What a lovely day.").value();
  for (std::size_t size = 0; size < other.size(); ++size) {
    EXPECT_EQ(Unpack(Coding::kZstd, other.substr(0, size), kMost).error().code, Code::kInvalidArgument) << size;
  }
  EXPECT_THAT(Unpack(Coding::kZstd, other + "x", kMost).error().message, HasSubstr("1 bytes follow"));
  std::string wrong = whole;
  wrong[whole.size() - 5] ^= 1;  // in the checksum
  EXPECT_THAT(Unpack(Coding::kGzip, wrong, kMost).error().message, HasSubstr("not gzip"));
  EXPECT_FALSE(Unpack(Coding::kDeflate, "{\"inputs\": []}", kMost));
}

TEST(ContentCoding, IsReadFromTheHeader) {
  EXPECT_EQ(ParseContentEncoding(""), Coding::kIdentity);
  EXPECT_EQ(ParseContentEncoding(" GZip "), Coding::kGzip);
  EXPECT_EQ(ParseContentEncoding("x-gzip"), Coding::kGzip);
  EXPECT_EQ(ParseContentEncoding("deflate"), Coding::kDeflate);
  EXPECT_EQ(ParseContentEncoding("identity"), Coding::kIdentity);
  for (const char* other : {"br", "gzip, gzip", "gzip;q=1", "zip"}) {
    EXPECT_EQ(ParseContentEncoding(other), std::nullopt) << other;
  }
}

TEST(ContentCoding, IsTheOneThatTheClientLikesBest) {
  EXPECT_EQ(ChooseCoding(""), Coding::kIdentity);
  EXPECT_EQ(ChooseCoding("br"), Coding::kIdentity);
  EXPECT_EQ(ChooseCoding("gzip, deflate, br, zstd"), Coding::kGzip);
  EXPECT_EQ(ChooseCoding("deflate"), Coding::kDeflate);
  EXPECT_EQ(ChooseCoding("gzip;q=0.5, zstd"), Coding::kZstd);
  EXPECT_EQ(ChooseCoding("gzip;q=0.1 , DEFLATE ; q=0.5"), Coding::kDeflate);
  EXPECT_EQ(ChooseCoding("gzip;q=0"), Coding::kIdentity);
  EXPECT_EQ(ChooseCoding("gzip;q=zero,identity"), Coding::kIdentity);
  EXPECT_EQ(ChooseCoding(",,;,=;q=,gzip;level=9;q=1,"), Coding::kGzip);
}

}  // namespace
}  // namespace weir::http
