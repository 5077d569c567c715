#include "http/repeated_refusals.h"

namespace weir::http {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class RepeatedRefusalsTest : public ::testing::Test {
 protected:
  void ManyRefusalsOfOthers() {
    for (int i = 0; i < 1000; ++i) rate_.Note(now_);
  }

  TimePoint now_ = TimePoint(std::chrono::seconds(100));
  RefusalRate rate_;
  RepeatedRefusals refusals_{rate_};
};

TEST_F(RepeatedRefusalsTest, WhileThereAreManyWhoeverAsksAgainAtOnceWaitsLongerEachTimeUpToABound) {
  ManyRefusalsOfOthers();
  std::vector<Duration> holds;
  for (int i = 0; i < 10; ++i) {
    holds.push_back(refusals_.Note(true, now_));
    now_ += holds.back() + milliseconds(1);
  }
  EXPECT_THAT(holds, ::testing::ElementsAre(milliseconds(0), milliseconds(0), milliseconds(0), milliseconds(10),
                                            milliseconds(20), milliseconds(40), milliseconds(80), milliseconds(160),
                                            milliseconds(250), milliseconds(250)));
  EXPECT_EQ(refusals_.Note(false, now_), Duration::zero());
  EXPECT_EQ(refusals_.Note(true, now_), Duration::zero());
}

TEST_F(RepeatedRefusalsTest, WhoWaitsIsNotHeldBack) {
  ManyRefusalsOfOthers();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(refusals_.Note(true, now_), Duration::zero());
    now_ += milliseconds(5);
  }
}

TEST_F(RepeatedRefusalsTest, NobodyIsHeldBackWhileThereAreFew) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(refusals_.Note(true, now_), Duration::zero());
    now_ += microseconds(110);
  }
}

}  // namespace
}  // namespace weir::http
