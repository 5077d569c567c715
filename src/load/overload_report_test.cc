#include "load/overload_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/json_reader.h"

namespace weir::load {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Measured {
  Report facts;
  OverloadPlan plan;
  OverloadResult result;
};

Measured Example() {
  Measured measured;
  measured.facts.target = "http://127.0.0.1:8000";
  measured.facts.model = "minilm";
  measured.facts.door = "embeddings";
  measured.result.capacity = 200;
  measured.result.connections = 32;
  OverloadPart open{.name = "3 C", .rate = 600, .seconds = 10, .good_per_second = 190, .good_percent = 95};
  open.counts.requests = 6000;
  open.counts.good = 1900;
  open.counts.refused = 4098;
  open.counts.dropped = 2;
  open.counts.reasons["429 full"] = 4098;
  open.counts.refusals = {.count = 4098, .p50_ms = 0.2, .p99_ms = 1.5, .max_ms = 3};
  open.probes.push_back({.path = "/livez", .failed = 1, .latency = {.count = 200, .p99_ms = 4}});
  open.recovery_s = 0.25;
  OverloadPart closed{.name = "polite", .clients = 200, .seconds = 10};
  closed.counts.reasons["429 full"] = 2;
  closed.cpu.server_percent = 12;
  measured.result.parts = {open, closed};
  return measured;
}

TEST(OverloadTable, ShowsAColumnForEachPartAndWhatWasSaid) {
  const Measured measured = Example();
  const std::string table = OverloadTable(measured.facts, measured.plan, measured.result, {});
  EXPECT_THAT(table, HasSubstr("capacity 200.0 answers/s (32 callers at once"));
  EXPECT_THAT(table, HasSubstr("3 C     polite"));
  EXPECT_THAT(table, HasSubstr("95.0 %"));
  EXPECT_THAT(table, HasSubstr("4100 x 429 full"));
  EXPECT_THAT(table, HasSubstr("1.50 ms"));
  EXPECT_THAT(table, HasSubstr("250 ms"));
  EXPECT_THAT(table, HasSubstr("note: 3 C: 2 were never sent, for 4096 others were out (--max-in-flight)"));
  EXPECT_THAT(table, HasSubstr("note: 3 C: 1 of 200 probes of /livez failed"));
  EXPECT_THAT(table, Not(HasSubstr("connections lost")));
}

TEST(OverloadTable, SaysWhenNothingWasMeasured) {
  Measured measured = Example();
  measured.result.parts.clear();
  measured.result.ended_early = true;
  EXPECT_THAT(OverloadTable(measured.facts, measured.plan, measured.result, {}), HasSubstr("ended early"));
}

TEST(WriteOverload, HasEveryFateOfEveryPart) {
  const Measured measured = Example();
  const std::string text = WriteOverload(measured.facts, measured.plan, measured.result);
  const auto json = codec::ParseJson(text);
  ASSERT_TRUE(json) << json.error().message;
  const auto part = (*json)["parts"].at(0);
  EXPECT_EQ(std::uint64_t(part["requests"]), 6000);
  EXPECT_EQ(std::uint64_t(part["refused"]), 4098);
  EXPECT_EQ(double(part["refused_ms"]["p99"]), 1.5);
  EXPECT_EQ(double(part["recovery_s"]), 0.25);
  EXPECT_TRUE((*json)["parts"].at(1)["recovery_s"].error()) << "a closed loop has none";
  EXPECT_TRUE(part["cpu"]["server_percent"].is_null());
}

}  // namespace
}  // namespace weir::load
