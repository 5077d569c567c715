#include "engine/fair_lines.h"

namespace weir {
namespace {

class FairLinesTest : public ::testing::Test {
 protected:
  // A job that runs alone, of one unit of work.
  void Push(Priority priority, std::uint64_t client = 0) {
    JobRequest request{.priority = priority, .client = client};
    lines_.Insert(std::make_unique<Job>(std::move(request), Permit(), [](const Result<Output>&) {}, TimePoint()));
  }
  JobRequest Take() {
    constexpr std::uint32_t kFirst = 0;
    std::vector<JobPtr> taken;
    lines_.Take({&kFirst, 1}, taken);
    return std::move(taken.at(0)->request);
  }
  std::array<int, kPriorities> CountOfNext(int jobs) {
    std::array<int, kPriorities> counts{};
    for (int i = 0; i < jobs; ++i) ++counts[Index(Take().priority)];
    return counts;
  }

  FairLines lines_;
};

TEST_F(FairLinesTest, AnInteractiveJobIsTakenBeforeBulkJobsThatCameEarlier) {
  for (int i = 0; i < 10; ++i) Push(Priority::kBulk);
  Take();
  Push(Priority::kInteractive);
  EXPECT_EQ(Take().priority, Priority::kInteractive);
}

TEST_F(FairLinesTest, EachClassHasItsShareHoweverMuchTheOthersSend) {
  for (int i = 0; i < 210; ++i) {
    for (const Priority priority : {Priority::kBulk, Priority::kNormal, Priority::kInteractive}) Push(priority);
  }
  EXPECT_THAT(CountOfNext(210), ::testing::ElementsAre(160, 40, 10));
}

TEST_F(FairLinesTest, AClassThatWasIdleHasNoClaimToWhatItDidNotUse) {
  for (int i = 0; i < 100; ++i) Push(Priority::kInteractive);
  CountOfNext(50);
  for (int i = 0; i < 100; ++i) Push(Priority::kBulk);
  EXPECT_THAT(CountOfNext(34), ::testing::ElementsAre(32, 0, 2));
}

TEST_F(FairLinesTest, ClientsOfAClassTakeTurns) {
  for (int i = 0; i < 10; ++i) Push(Priority::kNormal, 1);
  for (int i = 0; i < 3; ++i) Push(Priority::kNormal, 2);
  std::vector<std::uint64_t> order;
  for (int i = 0; i < 7; ++i) order.push_back(Take().client);
  EXPECT_THAT(order, ::testing::ElementsAre(1, 2, 1, 2, 1, 2, 1));
}

TEST_F(FairLinesTest, OneClientsJobsKeepTheirOrder) {
  for (std::uint32_t length = 1; length <= 20; ++length) {
    JobRequest request{.cost = {.length = 21 - length}, .client = 7};
    lines_.Insert(std::make_unique<Job>(std::move(request), Permit(), [](const Result<Output>&) {}, TimePoint()));
  }
  for (std::uint32_t length = 20; length > 0; --length) EXPECT_EQ(Take().cost.length, length);
  EXPECT_TRUE(lines_.empty());
}

TEST_F(FairLinesTest, ClientsThatCameOnceAreForgotten) {
  for (std::uint64_t client = 0; client < 5000; ++client) {
    Push(Priority::kNormal, client);
    EXPECT_EQ(Take().client, client);
  }
  EXPECT_LE(lines_.clients(), 1025U);
}

}  // namespace
}  // namespace weir
