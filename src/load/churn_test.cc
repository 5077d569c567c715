#include "load/churn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/churn_report.h"
#include "load/job_counts.h"

namespace weir::load {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kMetrics =
    "# HELP weir_jobs_queued_total Jobs.\n"
    "weir_jobs_queued_total{model=\"a\"} 7\n"
    "weir_jobs_queued_total{model=\"b\"} 3\n"
    "weir_jobs_answered_total{model=\"a\",outcome=\"ok\"} 5\n"
    "weir_jobs_answered_total{model=\"b\",outcome=\"ok\"} 3\n"
    "weir_jobs_answered_total{model=\"a\",outcome=\"cancelled\"} 1\n"
    "weir_jobs_in_flight{model=\"a\"} 1\n"
    "weir_jobs_in_flight_more 9";

TEST(JobCounts, AddUpOverModels) {
  const JobCounts counts = ReadJobCounts(kMetrics);
  EXPECT_TRUE(counts.there);
  EXPECT_EQ(counts.received, 10);
  EXPECT_EQ(counts.answered.at("ok"), 8);
  EXPECT_EQ(counts.answers(), 9);
  EXPECT_EQ(counts.in_flight, 1);
  EXPECT_FALSE(ReadJobCounts("process_cpu_seconds_total 3\n").there);
}

TEST(JobCounts, TheDifferenceIsWhatWasAdded) {
  JobCounts after = ReadJobCounts(kMetrics);
  after.received += 4;
  after.answered["ok"] += 3;
  after.answered["unavailable"] = 1;
  const JobCounts added = Difference(after, ReadJobCounts(kMetrics));
  EXPECT_EQ(added.received, 4);
  EXPECT_EQ(added.answered.at("ok"), 3);
  EXPECT_EQ(added.answered.at("unavailable"), 1);
  EXPECT_EQ(added.answers(), 4);
}

TEST(ChurnTally, DocumentedStatusesBreakNothing) {
  ChurnTally tally;
  for (const int status : {200, 400, 404, 409, 429, 503, 504}) {
    tally.Count("infer", {.error = status == 200 ? "" : std::to_string(status), .status = status});
  }
  ChurnResult result;
  tally.Finish(result);
  EXPECT_THAT(result.broken, IsEmpty());
  EXPECT_EQ(result.operations.at("infer").size(), 7);
  EXPECT_EQ(tally.answers(), 7);
}

TEST(ChurnTally, OtherStatusesAndMissingAnswersDo) {
  ChurnTally tally;
  tally.Count("infer", {.error = "500", .example = "boom", .status = 500});
  tally.Count("infer", {.error = "500", .example = "boom again", .status = 500});
  tally.Count("load", {.error = "connection lost", .example = "reset"});
  tally.Count("load", {.error = "timeout", .example = "no answer in time", .gave_up = true});
  ChurnResult result;
  tally.Finish(result);
  EXPECT_THAT(result.broken, ElementsAre("2 x infer 500: boom", "1 x load connection lost: reset",
                                         "1 x load timeout: no answer in time"));
}

TEST(ChurnTable, ShowsAnswersMemoryAndWhatWasBroken) {
  ChurnPlan plan;
  plan.operations = {{.name = "infer", .callers = 4}, {.name = "load", .callers = 2}};
  ChurnResult result;
  result.operations = {{"infer", {{"200", 12}, {"503", 3}}}};
  result.jobs_received = 12;
  result.jobs_answered = {{"ok", 12}};
  result.resident_before_mb = 50;
  result.resident_after_mb = 51;
  EXPECT_THAT(ChurnTable({}, plan, result, {}), HasSubstr("every promise was kept"));
  result.broken = {"1 x infer 500: boom"};
  const std::string table = ChurnTable({}, plan, result, {});
  EXPECT_THAT(table, HasSubstr("  infer            4        12         3\n"));
  EXPECT_THAT(table, HasSubstr("  load             2         -         -\n"));
  EXPECT_THAT(table, HasSubstr("took: 12; answered: 12 ok"));
  EXPECT_THAT(table, HasSubstr("50.0 MB before, 51.0 MB after"));
  EXPECT_THAT(table, HasSubstr("broken: 1 x infer 500: boom"));
  EXPECT_THAT(WriteChurn({}, plan, result), HasSubstr(R"("broken":["1 x infer 500: boom"])"));
}

}  // namespace
}  // namespace weir::load
