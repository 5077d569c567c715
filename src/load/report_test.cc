#include "load/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/compare.h"
#include "load/table.h"

namespace weir::load {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Report Example() {
  Report report;
  DescribeHost(report);
  report.target = "http://127.0.0.1:8000";
  report.model = "minilm";
  report.door = "embeddings";
  report.input = "fixed:18";
  report.batch = 4;
  report.load = {.rate = 12.5,
                 .in_flight = 9,
                 .warmup = std::chrono::milliseconds(1500),
                 .duration = std::chrono::seconds(3),
                 .timeout = std::chrono::seconds(7),
                 .seed = 5};
  Summary& summary = report.summary;
  summary.requests = 31;
  summary.succeeded = 25;
  summary.failed = 3;
  summary.dropped = 2;
  summary.unfinished = 1;
  summary.late = 4;
  summary.held = 3;
  summary.errors["429"] = {3, "queue \"full\""};
  summary.seconds = 3;
  summary.completed = 24;
  summary.per_second = 8;
  summary.mean_ms = 1.25;
  summary.least_ms = 0.5;
  summary.percentiles_ms = {{"p50", 1}, {"p90", 2}, {"p95", 3}, {"p99", 4.5}, {"p99_9", 5}, {"max", 12'345}};
  summary.distribution = {{1, 10}, {1.25, 0}, {1.5625, 17}};
  summary.samples = {{8, 1, 1, 4}, {7, 0, 1.1, 5}, {9, 2, 0.9, 4}};
  return report;
}

TEST(Report, ReadsBackWhatItWrote) {
  const Report report = Example();
  const std::string json = WriteReport(report);
  const Result<Report> read = ParseReport(json);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(WriteReport(*read), json);
  EXPECT_EQ(read->load.rate, 12.5);
  EXPECT_EQ(read->load.warmup, std::chrono::milliseconds(1500));
  EXPECT_EQ(read->summary.errors.at("429").example, "queue \"full\"");
  EXPECT_EQ(read->summary.samples[2].errors, 2U);
  EXPECT_EQ(read->cores, report.cores);
}

TEST(Report, ReadsBackAClosedLoopOfANumberOfRequests) {
  Report report = Example();
  report.load.rate = 0;
  report.load.requests = 100;
  const Result<Report> read = ParseReport(WriteReport(report));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_FALSE(read->load.open());
  EXPECT_EQ(read->load.requests, 100U);
  EXPECT_EQ(WriteReport(*read), WriteReport(report));
}

TEST(Report, NamesWhatIsMissingOrWrong) {
  const auto wrong = [](const std::string& what, const std::string& with) {
    std::string json = WriteReport(Example());
    json.replace(json.find(what), what.size(), with);
    const Result<Report> read = ParseReport(json);
    return read ? std::string("no error") : read.error().message;
  };
  EXPECT_THAT(wrong("weir-bench/1", "weir-bench/9"), HasSubstr("weir-bench/9"));
  EXPECT_THAT(wrong("\"p99\":", "\"p98\":"), HasSubstr("'latency_ms.p99' is missing"));
  EXPECT_THAT(wrong("\"succeeded\":25", "\"succeeded\":\"x\""), HasSubstr("'result.succeeded' has the wrong type"));
  EXPECT_THAT(wrong("\"count\":17", "\"count\":-1"), HasSubstr("count"));
  EXPECT_FALSE(ParseReport("{}"));
  EXPECT_FALSE(ParseReport("[]"));
  EXPECT_FALSE(ParseReport(""));
}

TEST(ResultTable, TellsFiguresFailuresAndWhatToKnow) {
  const std::string table = ResultTable(Example(), {});
  for (const char* text : {"minilm", "open loop, 12.5 a second, 4 texts each, at most 9 at once, 3 s after 1.5 s",
                           "8.0/s", "32.0 texts/s", "3 x 429", "p99.9", "12.3 s", "dropped",
                           "when each request was due", "--max-in-flight", "ended early: 1 requests"}) {
    EXPECT_THAT(table, HasSubstr(text));
  }
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
  EXPECT_THAT(ResultTable(Example(), {.colour = true}), HasSubstr("\x1b[31m3 x 429"));
}

TEST(ResultTable, HasNoNotesWhenAllWentWell) {
  Report report = Example();
  report.load.rate = 0;
  report.summary.failed = report.summary.dropped = report.summary.unfinished = report.summary.late = 0;
  report.summary.errors.clear();
  const std::string table = ResultTable(report, {});
  EXPECT_THAT(table, Not(HasSubstr("note:")));
  EXPECT_THAT(table, Not(HasSubstr("failed")));
  EXPECT_THAT(table, HasSubstr("when each request was sent"));
}

TEST(ResultPlot, IsAsciiUnlessTheTerminalTakesMore) {
  const std::string plain = ResultPlot(Example().summary, {});
  for (const char c : plain) EXPECT_GE(static_cast<int>(c), 0);
  EXPECT_THAT(plain, HasSubstr("62.96 % ####"));
  EXPECT_THAT(plain, HasSubstr("over 3 s (top: 9.0)"));
  const std::string rich = ResultPlot(Example().summary, {.unicode = true});
  EXPECT_THAT(rich, HasSubstr("█"));
  EXPECT_EQ(ResultPlot({}, {}), "");
}

TEST(ResultPlot, KeepsToTheWidth) {
  Summary summary = Example().summary;
  summary.samples.assign(500, {.answers = 3});
  for (int i = 0; i < 60; ++i) summary.distribution.emplace_back(2 + i, 1);
  const std::string plot = ResultPlot(summary, {.width = 60});
  std::size_t lines = 0;
  for (std::size_t from = 0, to = 0; (to = plot.find('\n', from)) != std::string::npos; from = to + 1, ++lines) {
    EXPECT_LE(to - from, 60U) << plot.substr(from, to - from);
  }
  EXPECT_LE(lines, 22U);
}

TEST(MillisecondsText, ChoosesTheUnit) {
  EXPECT_EQ(MillisecondsText(0.043), "43 us");
  EXPECT_EQ(MillisecondsText(1.234), "1.23 ms");
  EXPECT_EQ(MillisecondsText(12.34), "12.3 ms");
  EXPECT_EQ(MillisecondsText(1234), "1234 ms");
  EXPECT_EQ(MillisecondsText(12'340), "12.3 s");
  EXPECT_EQ(RateText(332.14), "332.1");
  EXPECT_EQ(RateText(1'234'567.8), "1,234,568");
}

TEST(ProgressLine, TellsThePhase) {
  EXPECT_THAT(ProgressLine({.warming_up = true, .sending = true}, {}), HasSubstr("warming up"));
  EXPECT_THAT(ProgressLine({.sending = true, .done = 0.5, .latest = {.answers = 70}}, {}), HasSubstr("70.0/s"));
  EXPECT_THAT(ProgressLine({.in_flight = 3}, {}), HasSubstr("last answers"));
  EXPECT_EQ(ProgressLine({.in_flight = 3}, {.width = 20}).size(), 19U);
}

TEST(CompareSeries, SeparatesDifferencesFromNoise) {
  const std::vector<double> a = {100, 102, 98, 101, 99};
  const std::vector<double> same = {101, 99, 103, 97, 100};
  const std::vector<double> other = {110, 112, 108, 111, 109};
  const std::vector<double> wild = {60, 170, 90, 150, 80};
  EXPECT_EQ(CompareSeries(a, same), Verdict::kWithinNoise);
  EXPECT_EQ(CompareSeries(a, other), Verdict::kDiffers);
  EXPECT_EQ(CompareSeries(a, wild), Verdict::kWithinNoise);
  EXPECT_EQ(CompareSeries(a, {a.data(), 2}), Verdict::kTooShort);
  const std::vector<double> flat = {5, 5, 5};
  EXPECT_EQ(CompareSeries(flat, flat), Verdict::kWithinNoise);
  EXPECT_EQ(CompareSeries(flat, std::vector<double>{6, 6, 6}), Verdict::kDiffers);
}

TEST(CompareReports, ShowsRatiosVerdictsAndWhatIsNotAlike) {
  const Report a = Example();
  Report b = Example();
  b.summary.per_second = 12;
  b.summary.samples = {{12, 0, 1, 4}, {12, 0, 1.1, 5}, {12, 0, 0.9, 4}};
  const std::string same_load = CompareReports(a, "a.json", b, "b.json", {});
  EXPECT_THAT(same_load, HasSubstr("1.500  differs"));
  EXPECT_THAT(same_load, HasSubstr("1.000  within noise"));
  EXPECT_THAT(same_load, Not(HasSubstr("note:")));
  b.load.rate = 0;
  b.input = "fixed:9";
  const std::string other_load = CompareReports(a, "a.json", b, "b.json", {});
  EXPECT_THAT(other_load, HasSubstr("the load differs"));
  EXPECT_THAT(other_load, HasSubstr("fixed:18 against fixed:9"));
}

}  // namespace
}  // namespace weir::load
