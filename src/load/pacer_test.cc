#include "load/pacer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <vector>

namespace weir::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart = TimePoint(std::chrono::hours(1));

double Percentile(const Summary& summary, const std::string& wanted) {
  for (const auto& [name, value] : summary.percentiles_ms) {
    if (name == wanted) return value;
  }
  ADD_FAILURE() << "no " << wanted;
  return 0;
}

// Every request that was counted has exactly one fate.
void ExpectAllAccountedFor(const Summary& summary) {
  EXPECT_EQ(summary.requests, summary.succeeded + summary.failed + summary.dropped + summary.unfinished);
}

// A target whose answer to a request that arrives at some time comes when the function says; time is simulated.
Result<Summary> Simulate(const LoadOptions& options, const std::function<TimePoint(TimePoint)>& answer_at,
                         TimePoint stop_at = TimePoint::max()) {
  Pacer pacer(options, kStart);
  std::multimap<TimePoint, Shot> out;
  TimePoint now = kStart;
  for (;;) {
    Pacer::Turn turn = pacer.Next(now);
    for (; turn.shot; turn = pacer.Next(now)) {
      // Who waits longer than the time-out gives up, as the drivers do.
      const TimePoint at = std::min(answer_at(now), turn.shot->sent + options.timeout);
      out.emplace(at, *turn.shot);
    }
    if (pacer.finished()) break;
    now = std::min(turn.ask_again, out.empty() ? TimePoint::max() : out.begin()->first);
    if (now >= stop_at) {
      pacer.Stop(stop_at);
      break;
    }
    while (!out.empty() && out.begin()->first <= now) {
      const Shot shot = out.begin()->second;
      out.erase(out.begin());
      const bool late = now >= shot.sent + options.timeout;
      pacer.Ended(shot, now, late ? Outcome{.error = "timeout", .gave_up = true} : Outcome{});
    }
  }
  return pacer.Finish();
}

TEST(PoissonArrivals, AreTheSameForTheSameSeedOnly) {
  PoissonArrivals a(100, 7, kStart);
  PoissonArrivals b(100, 7, kStart);
  PoissonArrivals c(100, 8, kStart);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const TimePoint at = a.Next();
    EXPECT_EQ(at, b.Next());
    differs = differs || at != c.Next();
  }
  EXPECT_TRUE(differs);
}

TEST(PoissonArrivals, GapsHaveTheMeanAndTheDeviationOfThatProcess) {
  constexpr int kGaps = 200'000;
  PoissonArrivals arrivals(1000, 1, kStart);
  TimePoint last = kStart;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kGaps; ++i) {
    const TimePoint at = arrivals.Next();
    ASSERT_GE(at, last);
    const double gap = Seconds(at - last);
    sum += gap;
    squares += gap * gap;
    last = at;
  }
  const double mean = sum / kGaps;
  EXPECT_NEAR(mean, 1e-3, 1e-5);
  // The deviation of an exponential gap is its mean; a metronome would have none.
  EXPECT_NEAR(std::sqrt(squares / kGaps - mean * mean), 1e-3, 2e-5);
}

TEST(Pacer, ClosedLoopAsksAgainWhenTheAnswerIsThere) {
  const auto summary = Simulate({.in_flight = 4, .warmup = {}, .duration = seconds(10)},
                                [](TimePoint sent) { return sent + milliseconds(100); });
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->requests, 400U);
  EXPECT_EQ(summary->succeeded, 400U);
  EXPECT_NEAR(Percentile(*summary, "p50"), 100, 0.1);
  EXPECT_EQ(Percentile(*summary, "max"), 100);
  ASSERT_EQ(summary->samples.size(), 10U);
  EXPECT_EQ(summary->samples[4].answers, 40U);
  EXPECT_NEAR(summary->samples[4].p99_ms, 100, 0.1);
  ExpectAllAccountedFor(*summary);
}

TEST(Pacer, NeverHasMoreInFlightThanAllowed) {
  Pacer pacer({.rate = 1e6, .in_flight = 3, .warmup = {}}, kStart);
  const TimePoint now = kStart + seconds(1);
  std::vector<Shot> shots;
  for (Pacer::Turn turn = pacer.Next(now); turn.shot; turn = pacer.Next(now)) shots.push_back(*turn.shot);
  EXPECT_EQ(shots.size(), 3U);
  EXPECT_EQ(pacer.Next(now).ask_again, TimePoint::max());  // only an end makes room
  pacer.Ended(shots[0], now, {});
  EXPECT_TRUE(pacer.Next(now).shot);
  EXPECT_FALSE(pacer.Next(now).shot);
}

TEST(Pacer, WarmUpIsSentButNotCounted) {
  const auto summary = Simulate({.in_flight = 1, .warmup = seconds(5), .duration = seconds(1)}, [](TimePoint sent) {
    return sent + (sent < kStart + seconds(5) ? milliseconds(500) : milliseconds(100));
  });
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->requests, 10U);
  EXPECT_EQ(Percentile(*summary, "max"), 100);
  EXPECT_EQ(summary->seconds, 1);
}

TEST(Pacer, OpenLoopSendsTheRateWhateverTheAnswersDo) {
  LoadOptions options{.rate = 500, .in_flight = 10'000, .warmup = seconds(1), .duration = seconds(20)};
  const auto fast = Simulate(options, [](TimePoint sent) { return sent + milliseconds(1); });
  const auto slow = Simulate(options, [](TimePoint sent) { return sent + seconds(5); });
  ASSERT_TRUE(fast);
  ASSERT_TRUE(slow);
  EXPECT_NEAR(static_cast<double>(fast->requests), 10'000, 4 * std::sqrt(10'000));
  EXPECT_EQ(fast->requests, slow->requests);
  EXPECT_EQ(slow->succeeded, slow->requests);  // waits for those that were sent at the end
  EXPECT_EQ(slow->late, 0U);
}

// A stall of one second holds up the requests that are due meanwhile, too: of 10 s at 100/s, 10 % wait up to 1 s. Who
// only measures from sending to answer, one at a time, sees a single slow request in a thousand.
TEST(Pacer, SendsWhatIsDueWithinATickTogetherAndCountsTheWaitForIt) {
  const LoadOptions options{
      .rate = 5000, .in_flight = 4096, .warmup = {}, .duration = seconds(10), .tick = milliseconds(1)};
  Pacer pacer(options, kStart);
  std::map<TimePoint, int> sent;
  TimePoint now = kStart;
  Duration waited{};
  for (Pacer::Turn turn = pacer.Next(now); now < kStart + seconds(5); turn = pacer.Next(now)) {
    if (!turn.shot) {
      now = turn.ask_again;
      continue;
    }
    ++sent[now];
    EXPECT_LE(turn.shot->due, now);
    EXPECT_LT(now - turn.shot->due, milliseconds(1));
    waited += now - turn.shot->due;
    pacer.Ended(*turn.shot, now, {.status = 200});
  }
  int all = 0;
  for (const auto& [when, count] : sent) {
    EXPECT_EQ((when - kStart) % milliseconds(1), Duration::zero());
    all += count;
  }
  EXPECT_NEAR(all, 25'000, 500);
  EXPECT_NEAR(Seconds(waited) / all, 0.0005, 0.00002);
}

TEST(Pacer, AStallOfTheTargetShowsInThePercentilesOfAnOpenLoop) {
  const auto stalls = [](TimePoint sent) {
    const TimePoint from = kStart + seconds(5);
    const TimePoint to = from + seconds(1);
    return (sent >= from && sent < to ? to : sent) + milliseconds(1);
  };
  for (const std::size_t in_flight : {1U, 4U, 1000U}) {
    const auto summary = Simulate({.rate = 100, .in_flight = in_flight, .warmup = {}, .duration = seconds(10)}, stalls);
    ASSERT_TRUE(summary);
    EXPECT_LT(Percentile(*summary, "p50"), 5) << in_flight;
    EXPECT_GT(Percentile(*summary, "p95"), 300) << in_flight;
    EXPECT_GT(Percentile(*summary, "p99"), 800) << in_flight;
    EXPECT_EQ(summary->succeeded, summary->requests);
  }
}

TEST(Pacer, WaitingForRoomCountsAsLatencyAndIsTold) {
  // 100 ms each, one at a time, 20 a second: the line grows by 10 a second.
  TimePoint free = kStart;
  const auto one_at_a_time = [&](TimePoint sent) { return free = std::max(free, sent) + milliseconds(100); };
  const auto summary = Simulate(
      {.rate = 20, .in_flight = 1, .warmup = {}, .duration = seconds(10), .timeout = seconds(60)}, one_at_a_time);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->succeeded, summary->requests);
  EXPECT_GT(Percentile(*summary, "max"), 5000);
  EXPECT_GT(static_cast<double>(summary->late), 0.9 * static_cast<double>(summary->requests));
  EXPECT_EQ(summary->held, summary->late);
  EXPECT_NEAR(summary->per_second, 10, 0.5);  // what the target can do
}

TEST(Pacer, DropsWhatWasDueForTheTimeOutAndCountsItsWait) {
  const auto never = [](TimePoint) { return TimePoint::max(); };
  const auto summary =
      Simulate({.rate = 10, .in_flight = 2, .warmup = {}, .duration = seconds(10), .timeout = seconds(1)}, never);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->succeeded, 0U);
  EXPECT_GT(summary->dropped, 20U);
  EXPECT_GT(summary->errors.at("timeout").count, 2U);
  EXPECT_GE(Percentile(*summary, "p50"), 1000);
  EXPECT_GE(summary->held, summary->dropped);
  ExpectAllAccountedFor(*summary);
}

TEST(Pacer, LatenessOfTheDriverIsNotWantOfRoom) {
  Pacer pacer({.rate = 1000, .in_flight = 100, .warmup = {}, .requests = 10}, kStart);
  // The driver was away for a second.
  const TimePoint now = kStart + seconds(1);
  for (Pacer::Turn turn = pacer.Next(now); turn.shot; turn = pacer.Next(now)) pacer.Ended(*turn.shot, now, {});
  const auto summary = pacer.Finish();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->late, 10U);
  EXPECT_EQ(summary->held, 0U);
}

TEST(Pacer, EndsAfterTheNumberOfRequests) {
  const auto summary = Simulate({.in_flight = 3, .warmup = milliseconds(250), .requests = 10},
                                [](TimePoint sent) { return sent + milliseconds(100); });
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->requests, 10U);
  EXPECT_EQ(summary->succeeded, 10U);
  EXPECT_NEAR(summary->seconds, 0.45, 1e-9);  // from the end of the warm-up to the last answer
}

TEST(Pacer, AStoppedRunIsShorterAndSaysWhatWasUnfinished) {
  const auto summary = Simulate(
      {.in_flight = 4, .warmup = {}, .duration = seconds(100)}, [](TimePoint sent) { return sent + milliseconds(400); },
      kStart + seconds(2));
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->seconds, 2);
  EXPECT_EQ(summary->unfinished, 4U);
  ExpectAllAccountedFor(*summary);
}

TEST(Pacer, AStoppedOpenLoopCountsWhatWasStillToBeSent) {
  const auto never = [](TimePoint) { return TimePoint::max(); };
  const auto summary =
      Simulate({.rate = 100, .in_flight = 2, .warmup = {}, .duration = seconds(100)}, never, kStart + seconds(5));
  ASSERT_TRUE(summary);
  EXPECT_NEAR(static_cast<double>(summary->unfinished), 500, 100);
  ExpectAllAccountedFor(*summary);
}

TEST(Pacer, StoppedDuringTheWarmUpItHasMeasuredNothing) {
  const auto summary =
      Simulate({.warmup = seconds(10)}, [](TimePoint sent) { return sent + milliseconds(10); }, kStart + seconds(1));
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, Code::kCancelled);
}

TEST(Pacer, FailuresAreCountedByKindAndStayOutOfTheLatencies) {
  Pacer pacer({.in_flight = 2, .warmup = {}, .duration = seconds(1)}, kStart);
  const Shot good = *pacer.Next(kStart).shot;
  const Shot bad = *pacer.Next(kStart).shot;
  pacer.Ended(bad, kStart + milliseconds(1), {.error = "429", .example = "queue full"});
  pacer.Ended(good, kStart + milliseconds(50), {});
  EXPECT_FALSE(pacer.Next(kStart + seconds(1)).shot);
  ASSERT_TRUE(pacer.finished());
  const auto summary = pacer.Finish();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->errors.at("429").count, 1U);
  EXPECT_EQ(summary->errors.at("429").example, "queue full");
  EXPECT_EQ(summary->least_ms, 50);
  EXPECT_EQ(summary->samples[0].answers, 1U);
  EXPECT_EQ(summary->samples[0].errors, 1U);
  ExpectAllAccountedFor(*summary);
}

TEST(Pacer, ProgressTellsPhaseAndShare) {
  Pacer pacer({.in_flight = 1, .warmup = seconds(1), .duration = seconds(3)}, kStart);
  EXPECT_TRUE(pacer.progress(kStart).warming_up);
  const Shot shot = *pacer.Next(kStart).shot;
  EXPECT_EQ(pacer.progress(kStart).in_flight, 1U);
  pacer.Ended(shot, kStart + seconds(2), {});
  const Pacer::Progress half = pacer.progress(kStart + seconds(2));
  EXPECT_FALSE(half.warming_up);
  EXPECT_TRUE(half.sending);
  EXPECT_EQ(half.done, 0.5);
  EXPECT_EQ(half.completed, 1U);
}

// What a Pacer tells, and how long each caller rests.
class Notes final : public Watcher {
 public:
  Duration Ended(const Shot& shot, TimePoint, const Outcome&, bool) override {
    ended.push_back(shot.number);
    return rest;
  }
  void Dropped(const Shot& shot) override { dropped.push_back(shot.number); }

  Duration rest{};
  std::vector<std::uint64_t> ended;
  std::vector<std::uint64_t> dropped;
};

TEST(Pacer, TellsItsWatcherAndHasCallersRest) {
  Notes notes;
  notes.rest = milliseconds(30);
  Pacer pacer({.in_flight = 1, .warmup = Duration::zero(), .duration = seconds(1)}, kStart, &notes);
  const Pacer::Turn turn = pacer.Next(kStart);
  ASSERT_TRUE(turn.shot);
  EXPECT_EQ(turn.shot->give_up, kStart + seconds(30));
  EXPECT_EQ(pacer.Ended(*turn.shot, kStart + milliseconds(5), {}), kStart + milliseconds(35));
  EXPECT_EQ(notes.ended, std::vector<std::uint64_t>{0});
}

TEST(Pacer, WithStrictTimesWhatFindsNoRoomIsDroppedAndTimeOutsRunFromDue) {
  Notes notes;
  const LoadOptions options{.rate = 1000,
                            .in_flight = 1,
                            .warmup = Duration::zero(),
                            .duration = seconds(1),
                            .timeout = milliseconds(500),
                            .strict = true};
  Pacer pacer(options, kStart, &notes);
  const TimePoint later = kStart + milliseconds(100);
  const Pacer::Turn first = pacer.Next(later);
  ASSERT_TRUE(first.shot);
  EXPECT_LT(first.shot->due, later);
  EXPECT_EQ(first.shot->give_up, first.shot->due + milliseconds(500));
  EXPECT_FALSE(pacer.Next(later).shot) << "one at a time";
  pacer.Ended(*first.shot, later, {});
  const Pacer::Turn next = pacer.Next(later);
  EXPECT_FALSE(next.shot) << "all that were due meanwhile had found no room";
  EXPECT_NEAR(static_cast<double>(notes.dropped.size()), 100, 40);
  const Pacer::Turn after = pacer.Next(next.ask_again);
  ASSERT_TRUE(after.shot) << "who comes now finds room";
  pacer.Ended(*after.shot, next.ask_again, {});
  pacer.Stop(next.ask_again);
  const Result<Summary> summary = pacer.Finish();
  ASSERT_TRUE(summary);
  ExpectAllAccountedFor(*summary);
  EXPECT_EQ(summary->dropped, notes.dropped.size());
}

TEST(Pacer, IsOverAtItsEndThoughNobodyAsksForTheNextOne) {
  Pacer pacer({.in_flight = 1, .warmup = Duration::zero(), .duration = seconds(1)}, kStart);
  pacer.NoteEnd(kStart + milliseconds(999));
  EXPECT_FALSE(pacer.finished());
  pacer.NoteEnd(kStart + seconds(1));
  EXPECT_TRUE(pacer.finished());
}

}  // namespace
}  // namespace weir::load
