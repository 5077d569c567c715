#include "load/overload_tally.h"

#include <gtest/gtest.h>

namespace weir::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart = TimePoint(std::chrono::hours(1));
constexpr Duration kDeadline = milliseconds(500);

Outcome Refused(int status, const std::string& body, std::optional<seconds> retry_after = {}) {
  return {.error = std::to_string(status), .example = body, .status = status, .retry_after = retry_after};
}

class OverloadTallyTest : public ::testing::Test {
 protected:
  OverloadTallyTest() { tally_.SetStart(kStart); }

  // A counted request that was due and sent now, and ended later; returns how long its caller rests.
  Duration After(Duration time, const Outcome& outcome, Duration sent_after = {}) {
    return AfterIn(tally_, time, outcome, sent_after);
  }
  static Duration AfterIn(OverloadTally& tally, Duration time, const Outcome& outcome, Duration sent_after = {}) {
    const Shot shot{.due = kStart, .sent = kStart + sent_after, .counted = true};
    return tally.Ended(shot, kStart + time, outcome, true);
  }

  OverloadTally tally_{kDeadline, Manners::kNone};
};

TEST_F(OverloadTallyTest, EveryRequestHasOneFate) {
  After(milliseconds(20), {.status = 200});
  After(milliseconds(500), {.status = 200});
  After(milliseconds(501), {.status = 200});
  After(milliseconds(1), Refused(429, R"({"error":"full: 7 jobs"})"));
  After(milliseconds(2), Refused(503, "away"));
  After(milliseconds(3), Refused(504, ""));
  After(milliseconds(3), Refused(500, ""));
  After(milliseconds(3), {.error = "connection lost", .example = "reset"});
  After(milliseconds(505), {.error = "timeout", .gave_up = true});
  tally_.Dropped({.due = kStart, .counted = true});
  const OverloadCounts counts = tally_.Finish(11);  // one more was due than has ended
  EXPECT_EQ(counts.good, 2);
  EXPECT_EQ(counts.late, 1);
  EXPECT_EQ(counts.refused, 2);
  EXPECT_EQ(counts.expired, 1);
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(counts.lost, 1);
  EXPECT_EQ(counts.given_up, 1);
  EXPECT_EQ(counts.dropped, 1);
  EXPECT_EQ(counts.unfinished, 1);
  const std::map<std::string, std::uint64_t> reasons = {
      {"429 full: # jobs", 1}, {"503 away", 1}, {"504", 1}, {"500", 1}, {"connection lost (reset)", 1}};
  EXPECT_EQ(counts.reasons, reasons);
}

TEST_F(OverloadTallyTest, AnswersCountFromWhenTheyWereDueAndRefusalsFromSending) {
  After(milliseconds(300), {.status = 200}, milliseconds(250));
  After(milliseconds(300), Refused(429, ""), milliseconds(298));
  const OverloadCounts counts = tally_.Finish(2);
  EXPECT_NEAR(counts.answered.max_ms, 300, 0.01);
  EXPECT_NEAR(counts.refusals.max_ms, 2, 0.01);
  EXPECT_EQ(counts.sent_late, 2);
}

TEST_F(OverloadTallyTest, TheRateCountsWhatCameInTheMeasuredTime) {
  const Shot warming{.due = kStart - milliseconds(100), .sent = kStart - milliseconds(100)};
  tally_.Ended(warming, kStart - milliseconds(1), {.status = 200}, true);  // too early
  tally_.Ended(warming, kStart + milliseconds(1), {.status = 200}, true);  // counts
  const Shot measured{.due = kStart, .sent = kStart, .counted = true};
  tally_.Ended(measured, kStart + milliseconds(5), {.status = 200}, true);    // counts
  tally_.Ended(measured, kStart + milliseconds(50), {.status = 200}, false);  // after the end
  EXPECT_EQ(tally_.Finish(2).good_in_time, 2);
}

TEST_F(OverloadTallyTest, CallersRestAsTheirMannersSay) {
  const Outcome refused = Refused(429, R"({"error":{"message":"full","retry_after_ms":130}})", seconds(3));
  const Outcome silent = Refused(503, "no");
  OverloadTally polite(kDeadline, Manners::kWait);
  OverloadTally exact(kDeadline, Manners::kWaitExact);
  OverloadTally impatient(kDeadline, Manners::kImpatient);
  EXPECT_EQ(AfterIn(polite, milliseconds(1), refused), seconds(3));
  EXPECT_EQ(AfterIn(polite, milliseconds(1), silent), seconds(1));
  EXPECT_EQ(AfterIn(exact, milliseconds(1), refused), milliseconds(130));
  EXPECT_EQ(AfterIn(exact, milliseconds(1), Refused(429, "", seconds(2))), seconds(2));
  EXPECT_EQ(AfterIn(impatient, milliseconds(1), refused), Duration::zero());
  for (OverloadTally* tally : {&polite, &exact, &impatient}) {
    EXPECT_EQ(AfterIn(*tally, milliseconds(1), {.status = 200}), Duration::zero()) << "who was served asks again";
    EXPECT_EQ(AfterIn(*tally, milliseconds(1), Refused(504, "")), Duration::zero());
  }
}

TEST_F(OverloadTallyTest, ReasonsDoNotGrowWithoutEnd) {
  std::string body;
  for (int i = 0; i < 100; ++i) After(milliseconds(1), Refused(429, body += "x"));
  const OverloadCounts counts = tally_.Finish(100);
  EXPECT_LE(counts.reasons.size(), 34);
  std::uint64_t sum = 0;
  for (const auto& [reason, count] : counts.reasons) sum += count;
  EXPECT_EQ(sum, 100);
}

}  // namespace
}  // namespace weir::load
