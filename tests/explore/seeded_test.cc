// The engine with one defect put into it (CMakeLists.txt says which): the exploration finds it.
#include "base/log.h"
#include "explore/programs.h"

namespace weir::explore {
namespace {

// The shortest bad schedule of the first program that has one, as text; empty when all is well.
std::string Find(const std::vector<Program>& programs, const Bounds& bounds) {
  for (const Program& program : programs) {
    const Finding found = Explore([&] { RunProgram(program); }, bounds).shortest;
    if (!found.what.empty()) return Describe(program, found);
  }
  return {};
}

TEST(SeededDefect, IsFoundWithItsShortestSchedule) {
  log::SetLevel("off");
  std::string found = Find(OneCallEach(kAllCalls), {});
  if (found.empty()) found = Find(OneCallEach(kAllCalls), {.preemptions = 1, .schedules = 2000});
  if (found.empty()) found = Find(TwoCallsAndOne(kAllCalls), {.schedules = 2000});
  fmt::print("{}\n{}\n", WEIR_SEEDED, found);
  EXPECT_THAT(found, ::testing::HasSubstr(WEIR_EXPECTED));
  log::SetLevel("info");
}

}  // namespace
}  // namespace weir::explore
