#include "engine/job.h"

#include "base/fake_clock.h"

namespace weir {
namespace {

TEST(Reply, AnUnansweredReplyAnswersInternal) {
  std::optional<Code> code;
  {
    const Reply reply([&](const Result<Output>& result) { code = result.error().code; }, nullptr);
  }
  EXPECT_EQ(code, Code::kInternal);
}

TEST(Reply, OnlyTheFirstAnswerCounts) {
  int answers = 0;
  {
    Reply reply([&](const Result<Output>& result) { answers += result ? 1 : 100; }, nullptr);
    EXPECT_TRUE(reply.Answer(Output{}));
    EXPECT_FALSE(reply.Answer(Fail(Code::kCancelled, "late")));
  }
  EXPECT_EQ(answers, 1);
}

TEST(Reply, WhoTakesTheRightToAnswerHasItAlone) {
  int answers = 0;
  Reply reply([&](const Result<Output>&) { ++answers; }, nullptr);
  Reply::Taken taken = reply.Take();
  EXPECT_FALSE(reply.Answer(Output{}));
  EXPECT_FALSE(reply.Take());
  EXPECT_EQ(answers, 0);
  taken(Output{});
  EXPECT_EQ(answers, 1);
}

TEST(Reply, CountsItsAnswerByOutcome) {
  Metrics metrics;
  RunTotals totals;
  ModelProbe probe(metrics, "m", totals, Clock::Steady());
  {
    Reply([](const Result<Output>&) {}, &probe).Answer(Output{});
  }
  {
    Reply([](const Result<Output>&) {}, &probe).Answer(Fail(Code::kCancelled, "gone"));
  }
  EXPECT_THAT(metrics.Render(), ::testing::HasSubstr("weir_jobs_answered_total{model=\"m\",outcome=\"ok\"} 1"));
  EXPECT_THAT(metrics.Render(), ::testing::HasSubstr("weir_jobs_answered_total{model=\"m\",outcome=\"cancelled\"} 1"));
}

TEST(Reply, RacingAnswersGiveOne) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> answers = 0;
    Reply reply([&](const Result<Output>&) { ++answers; }, nullptr);
    std::latch start(2);
    {
      std::jthread one([&] { start.arrive_and_wait(), reply.Answer(Output{}); });
      std::jthread two([&] { start.arrive_and_wait(), reply.Answer(Output{}); });
    }
    EXPECT_EQ(answers, 1);
  }
}

TEST(Job, IsInVainOnceCancelledOrExpired) {
  FakeClock clock;
  std::stop_source stop;
  const Job job(
      {.deadline = Deadline::After(clock, std::chrono::seconds(1)), .stop = stop.get_token()}, Permit(),
      [](const Result<Output>&) {}, clock.Now());
  EXPECT_FALSE(job.InVain(clock.Now()));
  EXPECT_EQ(job.InVain(clock.Now() + std::chrono::seconds(1))->code, Code::kDeadlineExceeded);
  stop.request_stop();
  EXPECT_EQ(job.InVain(clock.Now())->code, Code::kCancelled);
}

}  // namespace
}  // namespace weir
