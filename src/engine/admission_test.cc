#include "engine/admission.h"

#include "base/fake_clock.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

class AdmissionTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  Backlog all_{1};
  Backlog::Share backlog_{all_};
  Admission admission_{{.max_jobs = 2, .max_bytes = 100, .max_request_jobs = 5}, 1, backlog_, clock_};
};

TEST_F(AdmissionTest, RefusesTheJobAfterTheLastPlaceAtOnceAndSaysWhenToComeBack) {
  const auto one = admission_.Acquire({}, Deadline::Never());
  const auto two = admission_.Acquire({}, Deadline::Never());
  const auto three = admission_.Acquire({}, Deadline::Never());
  ASSERT_TRUE(one && two);
  ASSERT_FALSE(three);
  EXPECT_EQ(three.error().code, Code::kResourceExhausted);
  EXPECT_EQ(three.error().message, "the queue is full: 2 of 2 jobs");
  EXPECT_EQ(three.error().limit, "max_jobs");
  EXPECT_GT(three.error().retry_after, milliseconds(0));
}

TEST_F(AdmissionTest, TakesThePlaceBackWhenThePermitDies) {
  {
    const auto permit = admission_.Acquire({.jobs = 2}, Deadline::Never());
  }
  EXPECT_EQ(admission_.jobs(), 0U);
  EXPECT_TRUE(admission_.Acquire({.jobs = 2}, Deadline::Never()));
}

TEST_F(AdmissionTest, BoundsBytesToo) {
  const auto most = admission_.Acquire({.bytes = 80}, Deadline::Never());
  const auto more = admission_.Acquire({.bytes = 21}, Deadline::Never());
  ASSERT_FALSE(more);
  EXPECT_THAT(more.error().message, HasSubstr("80 of 100 bytes"));
  EXPECT_TRUE(admission_.Acquire({.bytes = 20}, Deadline::Never()));
}

TEST_F(AdmissionTest, ABigRequestLeavesRoomForOthers) {
  Admission admission({.max_jobs = 8, .max_request_jobs = 100}, 1, backlog_, clock_);
  auto big = admission.Acquire({.jobs = 100, .work = 100}, Deadline::Never());
  ASSERT_TRUE(big);
  EXPECT_EQ(admission.jobs(), 100U);
  std::vector<Permit> others;
  for (int i = 0; i < 6; ++i) {
    auto other = admission.Acquire({}, Deadline::Never());
    ASSERT_TRUE(other) << i;
    others.push_back(std::move(*other));
  }
  EXPECT_FALSE(admission.Acquire({}, Deadline::Never()));  // the big one counts as two of eight
  big->Release();
  EXPECT_TRUE(admission.Acquire({}, Deadline::Never()));
}

TEST_F(AdmissionTest, TheTextsOfABigRequestThatComeLaterDelayNobody) {
  Admission admission({.max_jobs = 8, .max_request_jobs = 100}, 1, backlog_, clock_);
  admission.Measured(1, seconds(1));
  const auto big = admission.Acquire({.jobs = 100, .work = 100}, Deadline::Never());
  EXPECT_TRUE(admission.Acquire({}, Deadline::After(clock_, seconds(4))));
}

TEST_F(AdmissionTest, RefusesForGoodWhatCanNeverBeAdmitted) {
  EXPECT_EQ(admission_.Acquire({.jobs = 6}, Deadline::Never()).error().code, Code::kTooLarge);
  EXPECT_EQ(admission_.Acquire({.bytes = 101}, Deadline::Never()).error().code, Code::kTooLarge);
}

TEST_F(AdmissionTest, RefusesWorkThatIsPredictedToEndAfterItsDeadline) {
  admission_.Measured(1, seconds(1));  // one second for each unit of work
  const auto running = admission_.Acquire({.work = 5}, Deadline::Never());
  // Five seconds are before it and one is its own; and a quarter for what predictions are wrong by.
  const auto hasty = admission_.Acquire({}, Deadline::After(clock_, seconds(7)));
  ASSERT_FALSE(hasty);
  EXPECT_EQ(hasty.error().message, "the queue is too long for this deadline: 7.5 s are predicted, 7 s are left");
  EXPECT_EQ(hasty.error().limit, "predicted_wait");
  EXPECT_EQ(hasty.error().retry_after, milliseconds(500));
  EXPECT_TRUE(admission_.Acquire({}, Deadline::After(clock_, seconds(8))));
}

TEST_F(AdmissionTest, ASpeedThatIsWrongIsFoundOutBecauseAnIdleModelTakesWhatComes) {
  admission_.Measured(1, seconds(100));
  const auto first = admission_.Acquire({}, Deadline::After(clock_, seconds(1)));
  EXPECT_TRUE(first);
  EXPECT_FALSE(admission_.Acquire({}, Deadline::After(clock_, seconds(1))));
}

TEST_F(AdmissionTest, SaysWhenThereWillBeRoomRatherThanWhenAllIsDone) {
  Admission admission({.max_jobs = 10}, 1, backlog_, clock_);
  admission.Measured(1, seconds(1));
  std::vector<Permit> held;
  for (int i = 0; i < 10; ++i) held.push_back(std::move(*admission.Acquire({}, Deadline::Never())));
  const auto refused = admission.Acquire({}, Deadline::Never());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().limit, "max_jobs");
  EXPECT_EQ(refused.error().retry_after, seconds(1));
}

TEST_F(AdmissionTest, PredictionsThatWereTooShortMakeTheNextOnesLonger) {
  Admission admission({}, 1, backlog_, clock_);
  admission.Measured(1, seconds(1));
  const auto refused_at = [&](Duration deadline) {
    const auto busy = admission.Acquire({}, Deadline::Never());
    return !admission.Acquire({}, Deadline::After(clock_, deadline));
  };
  EXPECT_FALSE(refused_at(seconds(3)));  // two seconds, and a quarter
  for (int late = 0; late < 60; ++late) {
    auto permit = admission.Acquire({}, Deadline::After(clock_, seconds(3)));
    ASSERT_TRUE(permit);
    clock_.Advance(seconds(3));
    permit->ReleaseEnded();
  }
  EXPECT_TRUE(refused_at(seconds(3)));
  for (int in_time = 0; in_time < 6000; ++in_time) {
    admission.Acquire({}, Deadline::After(clock_, seconds(3)))->ReleaseEnded();
  }
  EXPECT_FALSE(refused_at(seconds(3)));
}

TEST_F(AdmissionTest, AFloodOfOneClassLeavesEachOtherClassItsRoom) {
  Admission admission({.max_jobs = 16}, 1, backlog_, clock_);
  std::vector<Permit> flood;
  for (auto permit = admission.Acquire({.priority = Priority::kBulk}, Deadline::Never()); permit;
       permit = admission.Acquire({.priority = Priority::kBulk}, Deadline::Never())) {
    flood.push_back(std::move(*permit));
  }
  EXPECT_EQ(flood.size(), 16U);
  for (const Priority priority : {Priority::kInteractive, Priority::kNormal}) {
    const auto one = admission.Acquire({.priority = priority}, Deadline::Never());
    const auto two = admission.Acquire({.priority = priority}, Deadline::Never());
    EXPECT_TRUE(one && two);
    EXPECT_FALSE(admission.Acquire({.priority = priority}, Deadline::Never()));
  }
}

TEST_F(AdmissionTest, AnInteractiveRequestIsNotRefusedForTheWorkThatItGoesBefore) {
  Admission admission({}, 1, backlog_, clock_);
  admission.Measured(1, seconds(1));
  const auto flood = admission.Acquire({.work = 100, .priority = Priority::kBulk}, Deadline::Never());
  EXPECT_TRUE(admission.Acquire({.priority = Priority::kInteractive}, Deadline::After(clock_, seconds(4))));
  EXPECT_FALSE(admission.Acquire({.priority = Priority::kBulk}, Deadline::After(clock_, seconds(4))));
}

TEST_F(AdmissionTest, AClientIsNotRefusedForTheWorkOfAnotherThatTakesTurnsWithIt) {
  Admission admission({}, 1, backlog_, clock_);
  admission.Measured(1, seconds(1));
  const auto busy = admission.Acquire({.work = 100, .client = 1}, Deadline::Never());
  EXPECT_TRUE(admission.Acquire({.client = 2}, Deadline::After(clock_, seconds(4))));
  EXPECT_FALSE(admission.Acquire({.client = 1}, Deadline::After(clock_, seconds(4))));
}

TEST_F(AdmissionTest, SplitsAPermitIntoItsJobsWithoutLosingAny) {
  auto whole = admission_.Acquire({.jobs = 5, .bytes = 11, .work = 7}, Deadline::Never());
  ASSERT_TRUE(whole);
  std::vector<Permit> parts;
  for (int i = 0; i < 5; ++i) parts.push_back(whole->SplitOne());
  EXPECT_FALSE(*whole);
  EXPECT_EQ(admission_.jobs(), 5U);
  parts.pop_back();
  EXPECT_EQ(admission_.jobs(), 4U);
  parts.clear();
  EXPECT_EQ(admission_.jobs(), 0U);
  EXPECT_TRUE(admission_.Acquire({.bytes = 100}, Deadline::Never()));
}

TEST_F(AdmissionTest, WaitIdleEndsWithTheLastPermit) {
  auto permit = admission_.Acquire({}, Deadline::Never());
  EXPECT_FALSE(admission_.WaitIdle(Deadline(TimePoint()), {}));
  auto waiting = std::async(std::launch::async, [&] { return admission_.WaitIdle(Deadline::Never(), {}); });
  permit->Release();
  EXPECT_TRUE(waiting.get());
}

TEST_F(AdmissionTest, CountsExactlyUnderManyThreads) {
  Admission admission({.max_jobs = 8}, 1, backlog_, clock_);
  std::atomic<int> admitted = 0;
  std::atomic<int> refused = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 2000; ++i) {
          const auto permit = admission.Acquire({}, Deadline::Never());
          ++(permit ? admitted : refused);
        }
      });
    }
  }
  EXPECT_EQ(admitted + refused, 8000);
  EXPECT_EQ(admission.jobs(), 0U);
}

}  // namespace
}  // namespace weir
