#include "engine/batch_policy.h"

#include "base/fake_clock.h"
#include "engine/batch_simulation.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Places = std::vector<std::uint32_t>;

class BatchPolicyTest : public ::testing::Test {
 protected:
  BatchPolicyTest() { costs_.Load(MiniLmTable()); }

  static std::vector<WaitingJob> Jobs(const std::vector<std::uint32_t>& lengths) {
    std::vector<WaitingJob> jobs;
    for (const std::uint32_t length : lengths) jobs.push_back({.length = length, .group = 1});
    return jobs;
  }

  Places Choose(const std::vector<WaitingJob>& jobs, const BatchLimits& limits = {}) {
    return Choose(QueueView{.jobs = jobs}, limits);
  }
  Places Choose(const QueueView& view, const BatchLimits& limits = {}) {
    DecideBatch(limits, costs_, view, clock_.Now(), decision_);
    return decision_.chosen;
  }

  FakeClock clock_;
  CostModel costs_;
  BatchDecision decision_;
};

TEST_F(BatchPolicyTest, TakesShortTextsTogetherWhenOthersWait) {
  EXPECT_GE(Choose(Jobs(std::vector<std::uint32_t>(64, 16))).size(), 16U);
}

TEST_F(BatchPolicyTest, LeavesALongTextAlone) {
  EXPECT_EQ(Choose(Jobs(std::vector<std::uint32_t>(64, 256))), Places{0});
}

TEST_F(BatchPolicyTest, DoesNotMakeALoneJobWaitForAnother) {
  EXPECT_EQ(Choose(Jobs({16, 16})), Places{0});  // nobody behind gains by it, and the first would be answered later
}

TEST_F(BatchPolicyTest, PicksThoseOfItsLengthFromAmongOthers) {
  std::vector<std::uint32_t> lengths;
  for (int i = 0; i < 8; ++i) lengths.insert(lengths.end(), {16, 250, 120});
  EXPECT_EQ(Choose(Jobs(lengths)), (Places{0, 3, 6, 9, 12, 15, 18, 21}));
}

TEST_F(BatchPolicyTest, TheFirstIsAlwaysInTheBatch) {
  std::vector<std::uint32_t> lengths(64, 16);
  lengths[0] = 250;
  EXPECT_EQ(Choose(Jobs(lengths)), Places{0});
}

TEST_F(BatchPolicyTest, StopsBeforeTheTokensOfABatchAreTooMany) {
  EXPECT_EQ(Choose(Jobs(std::vector<std::uint32_t>(64, 16)), {.max_padded_length = 64}).size(), 4U);
}

TEST_F(BatchPolicyTest, TakesAtMostTheLimitOfJobs) {
  EXPECT_EQ(Choose(Jobs(std::vector<std::uint32_t>(64, 16)), {.max_jobs = 8}).size(), 8U);
}

TEST_F(BatchPolicyTest, LeavesOtherWorkersTheirShare) {
  const std::vector<WaitingJob> jobs = Jobs(std::vector<std::uint32_t>(20, 16));
  EXPECT_LE(Choose({.jobs = jobs, .running = 0, .workers = 2}).size(), 10U);
  EXPECT_LE(Choose({.jobs = jobs, .running = 0, .workers = 4}).size(), 5U);
}

TEST_F(BatchPolicyTest, RunsAJobOfNoGroupAlone) {
  std::vector<WaitingJob> jobs = Jobs(std::vector<std::uint32_t>(64, 16));
  for (WaitingJob& job : jobs) job.group = 0;
  EXPECT_EQ(Choose(jobs), Places{0});
}

TEST_F(BatchPolicyTest, NeverMixesGroups) {
  std::vector<WaitingJob> jobs = Jobs(std::vector<std::uint32_t>(64, 16));
  for (std::size_t i = 1; i < jobs.size(); i += 2) jobs[i].group = 2;
  const Places chosen = Choose(jobs);
  ASSERT_GT(chosen.size(), 4U);
  for (const std::uint32_t place : chosen) EXPECT_EQ(place % 2, 0U);
}

TEST_F(BatchPolicyTest, NobodyPassesAJobThatWasPassedOftenEnough) {
  std::vector<WaitingJob> jobs = Jobs(std::vector<std::uint32_t>(64, 16));
  jobs[5] = {.length = 250, .overtaken = BatchLimits().max_overtaken, .group = 1};
  for (const std::uint32_t place : Choose(jobs)) EXPECT_LT(place, 5U);
}

TEST_F(BatchPolicyTest, NobodyIsPassedMoreOftenThanTheLimitWithinOneBatch) {
  std::vector<WaitingJob> jobs = Jobs(std::vector<std::uint32_t>(64, 16));
  jobs[5] = {.length = 250, .overtaken = BatchLimits().max_overtaken - 3, .group = 1};
  const Places chosen = Choose(jobs);
  EXPECT_EQ(std::ranges::count_if(chosen, [](std::uint32_t place) { return place > 5; }), 3);
}

TEST_F(BatchPolicyTest, NobodyPassesAJobThatWouldBeLate) {
  std::vector<WaitingJob> jobs = Jobs(std::vector<std::uint32_t>(64, 16));
  jobs[5] = {.length = 250, .group = 1, .queued_at = clock_.Now(), .deadline = clock_.Now() + seconds(1)};
  clock_.Advance(milliseconds(800));
  EXPECT_GT(Choose(jobs).back(), 5U);
  clock_.Advance(milliseconds(180));
  EXPECT_LT(Choose(jobs).back(), 5U);
}

TEST_F(BatchPolicyTest, ALongLineOfHurriedJobsIsStillBatched) {
  std::vector<WaitingJob> jobs = Jobs(std::vector<std::uint32_t>(64, 16));
  for (WaitingJob& job : jobs) job.deadline = clock_.Now() + milliseconds(130);  // what all of them take together
  EXPECT_GE(Choose(jobs).size(), 16U);
}

TEST_F(BatchPolicyTest, AlwaysTakesWhatFitsInOrderAndNeverTakesOne) {
  const std::vector<WaitingJob> jobs = Jobs({16, 250, 16});
  EXPECT_EQ(Choose(jobs, {.mode = BatchMode::kAlways}), (Places{0, 1, 2}));
  EXPECT_EQ(Choose(jobs, {.mode = BatchMode::kAlways, .max_padded_length = 500}), (Places{0, 1}));
  EXPECT_EQ(Choose(jobs, {.mode = BatchMode::kNever}), Places{0});
}

TEST_F(BatchPolicyTest, WaitsForCompanyOnlyWhenItIsAboutToCome) {
  const std::vector<WaitingJob> jobs = {{.length = 16, .group = 1, .queued_at = clock_.Now()}};
  const BatchLimits limits{.max_delay = milliseconds(2)};
  EXPECT_EQ(Choose({.jobs = jobs, .arrival_gap = milliseconds(50)}, limits), Places{0});
  EXPECT_EQ(Choose({.jobs = jobs, .arrival_gap = std::chrono::microseconds(300)}, limits), Places{});
  EXPECT_EQ(decision_.wait_until, clock_.Now() + milliseconds(2));
  EXPECT_EQ(Choose({.jobs = jobs, .arrival_gap = std::chrono::microseconds(300), .closed = true}, limits), Places{0});
  EXPECT_EQ(Choose({.jobs = jobs, .workers = 2, .arrival_gap = std::chrono::microseconds(300)}, limits), Places{0});
  clock_.Advance(milliseconds(2));
  EXPECT_EQ(Choose({.jobs = jobs, .arrival_gap = std::chrono::microseconds(300)}, limits), Places{0});
}

TEST_F(BatchPolicyTest, DoesNotWaitForCompanyOfALongText) {
  const std::vector<WaitingJob> jobs = {{.length = 256, .group = 1, .queued_at = clock_.Now()}};
  EXPECT_EQ(Choose({.jobs = jobs, .arrival_gap = std::chrono::microseconds(300)}, {.max_delay = milliseconds(2)}),
            Places{0});
}

// By simulation, with the run times of MiniLM: see bench/policy_sim.cc for the whole grid.
class BatchPolicySimulation : public BatchPolicyTest {
 protected:
  SimulationResult Simulate(BatchMode mode, std::uint32_t length, std::size_t connections, double rate = 0) {
    SimulationOptions options{.limits = {.mode = mode}, .connections = connections, .rate = rate};
    options.length = [length](std::mt19937_64& random) {
      if (length > 0) return length;
      return 2 + std::min(390U, static_cast<std::uint32_t>(24 * std::lognormal_distribution<>(0, 1)(random)));
    };
    return BatchSimulation(options, costs_, costs_).Run();
  }
};

TEST_F(BatchPolicySimulation, IsWithinThreePerCentOfTheBetterOfAlwaysAndNever) {
  for (const std::uint32_t length : {16U, 64U, 128U, 256U}) {
    for (const std::size_t connections : {1U, 4U, 16U, 64U}) {
      const double always = Simulate(BatchMode::kAlways, length, connections).per_second;
      const double never = Simulate(BatchMode::kNever, length, connections).per_second;
      EXPECT_GE(Simulate(BatchMode::kCost, length, connections).per_second, 0.97 * std::max(always, never))
          << length << " tokens, " << connections << " connections";
    }
  }
}

TEST_F(BatchPolicySimulation, IsBetterThanBothOnMixedLengths) {
  for (const std::size_t connections : {16U, 64U}) {
    const double always = Simulate(BatchMode::kAlways, 0, connections).per_second;
    const double never = Simulate(BatchMode::kNever, 0, connections).per_second;
    EXPECT_GE(Simulate(BatchMode::kCost, 0, connections).per_second, 1.04 * std::max(always, never));
  }
}

TEST_F(BatchPolicySimulation, NobodyIsEverPassedMoreOftenThanTheLimit) {
  EXPECT_EQ(Simulate(BatchMode::kCost, 0, 64).most_overtaken, BatchLimits().max_overtaken);
}

TEST_F(BatchPolicySimulation, KeepsTheTailNearTheOneOfSingleRuns) {
  EXPECT_LE(Simulate(BatchMode::kCost, 0, 64).p99, 1.2 * Simulate(BatchMode::kNever, 0, 64).p99);
  EXPECT_LE(Simulate(BatchMode::kCost, 0, 0, 140).p99, 1.1 * Simulate(BatchMode::kNever, 0, 0, 140).p99);
}

}  // namespace
}  // namespace weir
