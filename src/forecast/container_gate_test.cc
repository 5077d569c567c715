#include "forecast/container_gate.h"

#include <gtest/gtest.h>

namespace weir::forecast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{seconds(1000)};

TEST(ContainerGate, KnowsTheContainersOfItsListOrAll) {
  const ContainerGate listed({.containers = {"a", "b"}});
  EXPECT_TRUE(listed.Knows("a"));
  EXPECT_FALSE(listed.Knows("c"));
  EXPECT_FALSE(listed.Knows(""));
  EXPECT_TRUE(ContainerGate({.has_list = false, .containers = {}}).Knows("c"));
}

TEST(ContainerGate, AMinuteBeginsWithAContainersFirstRequestAndHasSoManyOfThem) {
  ContainerGate gate({.containers = {}, .per_minute = 2});
  EXPECT_TRUE(gate.Enter("a", kStart));
  EXPECT_TRUE(gate.Enter("a", kStart + seconds(10)));
  const Status refused = gate.Enter("a", kStart + seconds(20));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  EXPECT_EQ(refused.error().message, "Rate limit exceeded: 2 per 1 minute");
  EXPECT_EQ(refused.error().retry_after, milliseconds(40'000));
  EXPECT_TRUE(gate.Enter("b", kStart + seconds(20)));
  EXPECT_TRUE(gate.Enter("a", kStart + seconds(60)));
}

TEST(ContainerGate, TellsWhatIsLeft) {
  ContainerGate gate({.containers = {}, .per_minute = 3});
  EXPECT_EQ(gate.QuotaOf("a", kStart).remaining, 3U);
  EXPECT_TRUE(gate.Enter("a", kStart));
  const MinuteQuota quota = gate.QuotaOf("a", kStart + seconds(15));
  EXPECT_EQ(quota.limit, 3U);
  EXPECT_EQ(quota.remaining, 2U);
  EXPECT_EQ(quota.until_reset, Duration(seconds(45)));
  EXPECT_EQ(gate.QuotaOf("a", kStart + seconds(60)).remaining, 3U);
}

TEST(ContainerGate, NamesWithoutEndShareOneCount) {
  ContainerGate gate({.has_list = false, .containers = {}, .per_minute = 1});
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(gate.Enter(std::to_string(i), kStart));
  EXPECT_TRUE(gate.Enter("one more", kStart));
  EXPECT_FALSE(gate.Enter("and another", kStart));
  EXPECT_TRUE(gate.Enter("a new minute", kStart + seconds(61)));
}

TEST(ContainerGate, WithoutABoundEverybodyMayAskAtWill) {
  ContainerGate gate({.containers = {}, .per_minute = 0});
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(gate.Enter("a", kStart));
  EXPECT_EQ(gate.QuotaOf("a", kStart).limit, 0U);
}

}  // namespace
}  // namespace weir::forecast
