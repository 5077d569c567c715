#include "access/key_ring.h"

#include <chrono>

#include "base/fake_clock.h"

namespace weir::access {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr std::string_view kSecret = "a key that nobody guesses";

Key WithLimits(double requests_per_second, std::size_t concurrent) {
  return {.name = "web",
          .hash = HashOfKey(kSecret),
          .scopes = {Scope::kInfer},
          .requests_per_second = requests_per_second,
          .concurrent = concurrent};
}

TEST(Key, IsHashedWithSha256) {
  EXPECT_EQ(HexOf(HashOfKey("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HashFromHex(HexOf(HashOfKey("abc"))), HashOfKey("abc"));
  EXPECT_EQ(HashFromHex("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"), HashOfKey("abc"));
  EXPECT_EQ(HashFromHex("ba78"), std::nullopt);
  EXPECT_EQ(HashFromHex(fmt::format("{:063}x", 0)), std::nullopt);
  EXPECT_EQ(HashFromHex(fmt::format("{:062}+1", 0)), std::nullopt);
}

TEST(Key, IsAnotherOneEachTime) {
  const std::string one = NewKey();
  EXPECT_TRUE(one.starts_with("weir_"));
  EXPECT_EQ(one.size(), 5 + 64);
  EXPECT_NE(one, NewKey());
}

TEST(Scope, IsNamedAndNoneElseIs) {
  EXPECT_EQ(ParseScope("admin").value(), Scope::kAdmin);
  EXPECT_THAT(ParseScope("open").error().message, HasSubstr("infer, admin, metrics"));
  const Key key = WithLimits(0, 0);
  EXPECT_TRUE(key.Has(Scope::kInfer) && key.Has(Scope::kOpen));
  EXPECT_FALSE(key.Has(Scope::kAdmin) || key.Has(Scope::kMetrics));
}

TEST(KeyRing, FindsAKeyByWhatIsShownAndNothingElse) {
  KeyRing ring(true);
  EXPECT_EQ(ring.Find(kSecret), nullptr);
  ring.Replace({WithLimits(0, 0)});
  ASSERT_NE(ring.Find(kSecret), nullptr);
  EXPECT_EQ(ring.Find(kSecret)->key().name, "web");
  EXPECT_EQ(ring.Find(kSecret.substr(1)), nullptr);
  EXPECT_EQ(ring.Find(HexOf(HashOfKey(kSecret))), nullptr);
  ring.Replace({});
  EXPECT_EQ(ring.Find(kSecret), nullptr);
}

TEST(KeyUse, RefusesWhatIsOverItsRateAndSaysWhenThereIsMore) {
  FakeClock clock;
  const KeyUse use(WithLimits(2, 0));
  EXPECT_EQ(use.quota(clock.Now()).remaining, 2U);
  EXPECT_TRUE(use.Begin(clock.Now()) && use.Begin(clock.Now()));
  const auto third = use.Begin(clock.Now());
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Code::kResourceExhausted);
  EXPECT_EQ(third.error().limit, "requests_per_second");
  EXPECT_EQ(third.error().retry_after, milliseconds(500));
  EXPECT_EQ(use.quota(clock.Now()).remaining, 0U);
  EXPECT_EQ(use.quota(clock.Now()).reset, seconds(1));
  clock.Advance(milliseconds(499));
  EXPECT_FALSE(use.Begin(clock.Now()));
  clock.Advance(milliseconds(1));
  EXPECT_TRUE(use.Begin(clock.Now()));
  clock.Advance(seconds(100));  // what was not used is not kept
  EXPECT_EQ(use.quota(clock.Now()).remaining, 2U);
}

TEST(KeyUse, LetsOneThroughNowAndThenWhenLessThanOneASecondIsAllowed) {
  FakeClock clock;
  const KeyUse use(WithLimits(0.1, 0));
  EXPECT_TRUE(use.Begin(clock.Now()));
  EXPECT_EQ(use.Begin(clock.Now()).error().retry_after, seconds(10));
  clock.Advance(seconds(10));
  EXPECT_TRUE(use.Begin(clock.Now()));
}

TEST(KeyUse, CountsRequestsUnderWayUntilTheyEnd) {
  FakeClock clock;
  const KeyUse use(WithLimits(0, 2));
  auto first = use.Begin(clock.Now());
  auto second = use.Begin(clock.Now());
  const auto third = use.Begin(clock.Now());
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().limit, "concurrent");
  *first = nullptr;
  EXPECT_TRUE(use.Begin(clock.Now()));
}

TEST(KeyRing, GoesOnCountingWhenAKeyGetsOtherSettings) {
  FakeClock clock;
  KeyRing ring(true);
  ring.Replace({WithLimits(2, 2)});
  const auto lease = ring.Find(kSecret)->Begin(clock.Now());
  EXPECT_TRUE(ring.Find(kSecret)->Begin(clock.Now()));
  ring.Replace({WithLimits(2, 1)});
  EXPECT_EQ(ring.Find(kSecret)->Begin(clock.Now()).error().limit, "concurrent");
  ring.Replace({WithLimits(2, 0)});
  EXPECT_EQ(ring.Find(kSecret)->Begin(clock.Now()).error().limit, "requests_per_second");
}

}  // namespace
}  // namespace weir::access
