#include "http/repeated_refusals.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;

TEST(RepeatedRefusals, WhoRepeatsARefusedRequestAtOnceWaitsLongerEachTimeUpToABound) {
  RepeatedRefusals refusals;
  TimePoint now{};
  std::vector<Duration> holds;
  for (int i = 0; i < 10; ++i) {
    holds.push_back(refusals.Note(true, 7, now));
    now += holds.back() + milliseconds(1);
  }
  EXPECT_THAT(holds, ::testing::ElementsAre(milliseconds(0), milliseconds(0), milliseconds(0), milliseconds(10),
                                            milliseconds(20), milliseconds(40), milliseconds(80), milliseconds(160),
                                            milliseconds(250), milliseconds(250)));
  EXPECT_EQ(refusals.Note(false, 7, now), Duration::zero());
  EXPECT_EQ(refusals.Note(true, 7, now), Duration::zero());
}

TEST(RepeatedRefusals, WhoWaitsOrAsksForSomethingElseIsNotHeldBack) {
  RepeatedRefusals refusals;
  TimePoint now{};
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(refusals.Note(true, 7, now), Duration::zero());
    now += milliseconds(5);
  }
  for (std::size_t request = 0; request < 10; ++request) EXPECT_EQ(refusals.Note(true, request, now), Duration::zero());
}

}  // namespace
}  // namespace weir::http
