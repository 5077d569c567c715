#include "engine/batch_policy.h"

#include "base/fake_clock.h"

namespace weir {
namespace {

using std::chrono::milliseconds;

std::vector<JobCost> Costs(std::initializer_list<std::uint32_t> lengths, std::uint64_t group = 1) {
  std::vector<JobCost> costs;
  for (const std::uint32_t length : lengths) costs.push_back({.length = length, .group = group});
  return costs;
}

std::size_t CountNow(const BatchLimits& limits, const std::vector<JobCost>& costs) {
  const FakeClock clock;
  return DecideBatch(limits, {.costs = costs, .oldest = clock.Now()}, clock.Now()).count;
}

TEST(BatchPolicy, TakesShortTextsTogether) { EXPECT_EQ(CountNow({}, Costs({16, 16, 15, 16})), 4U); }

TEST(BatchPolicy, LeavesALongTextAlone) { EXPECT_EQ(CountNow({}, Costs({300, 300})), 1U); }

TEST(BatchPolicy, StopsBeforeTheTokensOfABatchAreTooMany) {
  EXPECT_EQ(CountNow({.max_padded_length = 64}, Costs({16, 16, 16, 16, 16})), 4U);
}

TEST(BatchPolicy, DoesNotPadAShortTextToALongOne) {
  EXPECT_EQ(CountNow({}, Costs({16, 120})), 1U);
  EXPECT_EQ(CountNow({}, Costs({120, 16})), 1U);
}

TEST(BatchPolicy, TakesAtMostTheLimitOfJobs) { EXPECT_EQ(CountNow({.max_jobs = 2}, Costs({8, 8, 8})), 2U); }

TEST(BatchPolicy, RunsAJobOfNoGroupAlone) { EXPECT_EQ(CountNow({}, Costs({8, 8}, 0)), 1U); }

TEST(BatchPolicy, NeverMixesGroups) {
  std::vector<JobCost> costs = Costs({8, 8, 8});
  costs[2].group = 2;
  EXPECT_EQ(CountNow({}, costs), 2U);
}

TEST(BatchPolicy, WaitsForCompanyOnlyWithinTheDelay) {
  FakeClock clock;
  const BatchLimits limits{.max_delay = milliseconds(5)};
  const std::vector<JobCost> costs = Costs({8});
  const QueueView view{.costs = costs, .oldest = clock.Now()};
  const BatchDecision early = DecideBatch(limits, view, clock.Now());
  EXPECT_EQ(early.count, 0U);
  EXPECT_EQ(early.wait_until, view.oldest + milliseconds(5));
  clock.Advance(milliseconds(5));
  EXPECT_EQ(DecideBatch(limits, view, clock.Now()).count, 1U);
}

TEST(BatchPolicy, DoesNotWaitOnceNobodyCanJoin) {
  const FakeClock clock;
  const BatchLimits limits{.max_delay = milliseconds(5)};
  const std::vector<JobCost> costs = Costs({8});
  EXPECT_EQ(DecideBatch(limits, {.costs = costs, .oldest = clock.Now(), .closed = true}, clock.Now()).count, 1U);
}

}  // namespace
}  // namespace weir
