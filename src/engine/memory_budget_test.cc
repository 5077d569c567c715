#include "engine/memory_budget.h"

#include <optional>
#include <thread>

namespace weir {
namespace {

LoadFile File(std::uint64_t inode, std::uint64_t bytes) { return {.identity = {.inode = inode}, .bytes = bytes}; }
constexpr std::uint64_t kMiB = 1U << 20;

class MemoryBudgetTest : public ::testing::Test {
 protected:
  std::uint64_t resident_ = 1000 * kMiB;
  MemoryBudget budget_{100 * kMiB, [this] { return resident_; }};
};

TEST_F(MemoryBudgetTest, GivesUpToTheLimitAndTakesBack) {
  auto a = budget_.Take(std::vector{File(1, 60 * kMiB)});
  ASSERT_TRUE(a);
  const std::vector more = {File(2, 41 * kMiB)};
  EXPECT_FALSE(budget_.Take(more));
  EXPECT_EQ(budget_.WhyNot(more), "needs about 41 MiB, 40 MiB of memory.budget 100 MiB are free");
  auto b = budget_.Take(std::vector{File(3, 40 * kMiB)});
  ASSERT_TRUE(b);
  EXPECT_EQ(budget_.used(), 100 * kMiB);
  a = nullptr;
  EXPECT_EQ(budget_.used(), 40 * kMiB);
  EXPECT_TRUE(budget_.Take(more));
}

TEST_F(MemoryBudgetTest, CountsAFileOnceHoweverManyHoldIt) {
  auto a = budget_.Take(std::vector{File(1, 60 * kMiB), File(2, kMiB)});
  auto b = budget_.Take(std::vector{File(1, 60 * kMiB), File(3, 2 * kMiB)});
  ASSERT_TRUE(b);
  EXPECT_EQ(budget_.used(), 63 * kMiB);
  EXPECT_EQ(b->bytes(), 62 * kMiB);
  a = nullptr;
  EXPECT_EQ(budget_.used(), 62 * kMiB);
  b = nullptr;
  EXPECT_EQ(budget_.used(), 0U);
}

TEST_F(MemoryBudgetTest, KnowsWhatFitsOnceOthersHaveGone) {
  const std::vector shares = {budget_.Take(std::vector{File(1, 50 * kMiB)}),
                              budget_.Take(std::vector{File(1, 50 * kMiB), File(2, 20 * kMiB)})};
  const std::vector more = {File(3, 60 * kMiB)};
  EXPECT_FALSE(budget_.FitsWithout(more, {}));
  EXPECT_FALSE(budget_.FitsWithout(more, std::span(shares).first(1)));  // the other one holds file 1 too
  EXPECT_TRUE(budget_.FitsWithout(more, shares));
  // What it needs itself is needed again.
  EXPECT_FALSE(budget_.FitsWithout(std::vector{File(1, 50 * kMiB), File(4, 60 * kMiB)}, shares));
}

TEST_F(MemoryBudgetTest, WithoutALimitEverythingFitsAndIsCounted) {
  MemoryBudget all(0, [] { return 0; });
  const auto share = all.Take(std::vector{File(1, 1000 * kMiB)});
  ASSERT_TRUE(share);
  EXPECT_EQ(all.used(), 1000 * kMiB);
}

TEST_F(MemoryBudgetTest, LearnsWhatWasMeasured) {
  const std::vector files = {File(1, 40 * kMiB), File(2, 10 * kMiB)};
  {
    const auto share = budget_.Take(files);
    MemoryBudget::Measurement measurement(budget_);
    resident_ += 75 * kMiB;
    measurement.Keep(*share);
    EXPECT_EQ(budget_.used(), 75 * kMiB);
    EXPECT_FALSE(budget_.Take(std::vector{File(3, 26 * kMiB)}));
  }
  EXPECT_EQ(budget_.WhyNot(files), "needs about 75 MiB, 100 MiB of memory.budget 100 MiB are free");
}

TEST_F(MemoryBudgetTest, AFileNeverCountsLessThanAnEighthOfItsPrediction) {
  const auto share = budget_.Take(std::vector{File(1, 80 * kMiB)});
  MemoryBudget::Measurement(budget_).Keep(*share);
  EXPECT_EQ(budget_.used(), 10 * kMiB);
}

TEST_F(MemoryBudgetTest, OnlyFreshFilesAreMeasured) {
  const auto first = budget_.Take(std::vector{File(1, 40 * kMiB)});
  const auto second = budget_.Take(std::vector{File(1, 40 * kMiB), File(2, 10 * kMiB)});
  MemoryBudget::Measurement measurement(budget_);
  resident_ += 5 * kMiB;
  measurement.Keep(*second);
  EXPECT_EQ(budget_.used(), 45 * kMiB);
}

TEST_F(MemoryBudgetTest, AMeasurementThatOverlapsWithAnotherOrWithAReleaseDoesNotCount) {
  const auto share = budget_.Take(std::vector{File(1, 40 * kMiB)});
  auto other = budget_.Take(std::vector{File(2, 10 * kMiB)});
  {
    MemoryBudget::Measurement one(budget_);
    MemoryBudget::Measurement two(budget_);
    resident_ += 30 * kMiB;
    one.Keep(*share);
    two.Keep(*other);
  }
  EXPECT_EQ(budget_.used(), 50 * kMiB);
  MemoryBudget::Measurement third(budget_);
  other = nullptr;
  third.Keep(*share);
  EXPECT_EQ(budget_.used(), 40 * kMiB);
}

TEST_F(MemoryBudgetTest, WhoWaitsForRoomHearsOfAReleaseOrOfAStop) {
  auto share = budget_.Take(std::vector{File(1, 40 * kMiB)});
  const std::uint64_t seen = budget_.changes();
  std::jthread waits([&](const std::stop_token& stop) { budget_.AwaitChange(seen, stop); });
  share = nullptr;
  waits.join();
  EXPECT_NE(budget_.changes(), seen);
  std::jthread stopped([&](const std::stop_token& stop) { budget_.AwaitChange(budget_.changes(), stop); });
  stopped.request_stop();
  stopped.join();
}

TEST_F(MemoryBudgetTest, OneAfterTheOtherLooksForRoom) {
  std::atomic<bool> second = false;
  std::optional<MemoryBudget::Turn> first(std::in_place, budget_, std::stop_token());
  std::jthread waits([&](const std::stop_token& stop) {
    const MemoryBudget::Turn turn(budget_, stop);
    second = true;
  });
  EXPECT_FALSE(second);
  first.reset();
  waits.join();
  EXPECT_TRUE(second);
}

}  // namespace
}  // namespace weir
