// Every order in which two callers, two workers and the loaders can take their turns: nothing that must not be.
#include "base/log.h"
#include "explore/programs.h"

namespace weir::explore {
namespace {

using enum Call;

class ExplorationTest : public ::testing::Test {
 protected:
  ExplorationTest() { log::SetLevel("off"); }
  ~ExplorationTest() override {
    log::SetLevel("info");
    fmt::print("{} programs, {} schedules, {} states looked at\n", programs_, schedules_, states_);
  }

  void Check(const std::vector<Program>& programs, const Bounds& bounds) {
    for (const Program& program : programs) {
      const Explored explored = Explore([&] { RunProgram(program); }, bounds);
      ++programs_;
      schedules_ += explored.schedules;
      states_ += explored.states;
      EXPECT_TRUE(explored.shortest.what.empty()) << Describe(program, explored.shortest);
      EXPECT_TRUE(explored.whole || explored.schedules == bounds.schedules) << ProgramName(program);
      if (HasFailure()) return;
    }
  }

 private:
  std::size_t programs_ = 0;
  std::uint64_t schedules_ = 0;
  std::uint64_t states_ = 0;
};

TEST_F(ExplorationTest, OneCallOfEachOfTwoCallersInEveryOrderOfTheirSteps) { Check(OneCallEach(kAllCalls), {}); }

TEST_F(ExplorationTest, OneCallOfEachOfTwoCallersWithLoadsThatMayFail) { Check(OneCallEach(kAllCalls, true), {}); }

TEST_F(ExplorationTest, TwoCallsOfOneCallerBesideOneOfTheOther) {
  if (kSanitized) return Check(OneCallEach(kMainCalls), {});
  Check(TwoCallsAndOne(kMainCalls), {});
}

// So many schedules of each program, which is some of them: `make soak` has it go through a thousand times as many.
TEST_F(ExplorationTest, TwoCallsOfEach) {
  const char* asked = std::getenv("WEIR_EXPLORE_SCHEDULES");
  Check(TwoCallsEach(kMainCalls), {.schedules = asked != nullptr ? std::stoull(asked) : kSanitized ? 5 : 100});
}

TEST_F(ExplorationTest, OneTurnTakenAwayBeforeAnyLock) {
  Check(OneCallEach(kMainCalls), {.preemptions = 1, .schedules = kSanitized ? 200 : UINT64_MAX});
}

// What is left out because its state was met before would have come to the same ends.
TEST_F(ExplorationTest, LeavesOutNoEnd) {
  for (const Program& program : OneCallEach(kSanitized ? kMainCalls : kAllCalls)) {
    const Explored all = Explore([&] { RunProgram(program); }, {.again = true});
    const Explored some = Explore([&] { RunProgram(program); }, {});
    EXPECT_LE(some.schedules, all.schedules);
    EXPECT_EQ(some.ends, all.ends) << ProgramName(program);
  }
}

}  // namespace
}  // namespace weir::explore
