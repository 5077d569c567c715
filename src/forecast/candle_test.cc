#include "forecast/candle.h"

#include <gmock/gmock.h>

#include "forecast/fixtures.h"

namespace weir::forecast {
namespace {

std::string Again(std::string_view text) {
  const auto time = ParseTimestamp(text);
  return time ? FormatTimestamp(*time) : time.error().message;
}

TEST(Timestamp, StampsAreThoseOfTheOriginal) {
  const JsonFile file = Fixture("stamps.json");
  for (const JsonValue& one : file["cases"].Items()) {
    const std::string text = one["timestamp"].Text().value();
    const auto time = ParseTimestamp(text);
    ASSERT_TRUE(time) << text << ": " << time.error().message;
    const Stamp stamp = StampOf(*time);
    EXPECT_EQ(std::vector<std::int64_t>(stamp.begin(), stamp.end()), Wholes(one["features"])) << text;
  }
}

TEST(Timestamp, KeepsTheOffsetThatItWasWrittenWith) {
  EXPECT_EQ(Again("2024-06-15T13:45:00"), "2024-06-15T13:45:00");
  EXPECT_EQ(Again("2024-06-15T13:45:00Z"), "2024-06-15T13:45:00Z");
  EXPECT_EQ(Again("2024-06-15T13:45:00+00:00"), "2024-06-15T13:45:00Z");
  EXPECT_EQ(Again("2024-06-15T23:45:00+09:00"), "2024-06-15T23:45:00+09:00");
  EXPECT_EQ(Again("2024-06-15 01:15-0530"), "2024-06-15T01:15:00-05:30");
  EXPECT_EQ(ParseTimestamp("2024-06-15T23:45:00+09:00")->utc_us(), ParseTimestamp("2024-06-15T14:45:00Z")->utc_us());
}

TEST(Timestamp, ReadsDatesFractionsAndNumbers) {
  EXPECT_EQ(Again("2025-01-01"), "2025-01-01T00:00:00");
  EXPECT_EQ(Again("2024-03-31T02:30:00.5"), "2024-03-31T02:30:00.500000");
  EXPECT_EQ(Again("2024-03-31T02:30:00.1234567"), "2024-03-31T02:30:00.123456");
  EXPECT_EQ(Again("1969-12-31T23:59:59.25"), "1969-12-31T23:59:59.250000");
  EXPECT_EQ(Again("1700000000"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(Again("1700000000000"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(FormatTimestamp(*TimestampOfNumber(1700000000.5)), "2023-11-14T22:13:20.500000Z");
  EXPECT_EQ(FormatTimestamp(*TimestampOfNumber(-1)), "1969-12-31T23:59:59Z");
}

TEST(Timestamp, RefusesWhatIsNoTime) {
  for (const char* text : {"", "yesterday", "2025-13-01", "2025-02-29", "2025-01-01T", "2025-01-01T24:00",
                           "2025-01-01T12", "2025-01-01T12:60", "2025-01-01T12:00:60", "2025-01-01T12:00:00.",
                           "2025-01-01T12:00+9", "2025-01-01T12:00+24:00", "2025-01-01T12:00Zx", "25-01-01",
                           "2025/01/01", " 2025-01-01", "2025-01-01T12:00:00\n"}) {
    EXPECT_THAT(Again(text), ::testing::HasSubstr("must be a time like")) << text;
  }
  for (const char* text : {"1600-01-01", "2263-01-01T00:00:00Z", "1e300", "nan", "-1e13", "9e15", "inf"}) {
    EXPECT_THAT(Again(text), ::testing::HasSubstr("1677 to 2262")) << text;
  }
}

TEST(TimesAfter, AreAsFarApartAsMostOfTheOthers) {
  std::vector<Timestamp> times;
  for (const char* const text :
       {"2025-01-03T10:00+01:00", "2025-01-03T11:00+01:00", "2025-01-06T09:00+01:00", "2025-01-06T10:00+01:00"}) {
    times.push_back(ParseTimestamp(text).value());
  }
  const auto after = TimesAfter(times, 2).value();
  ASSERT_EQ(after.size(), 2U);
  EXPECT_EQ(FormatTimestamp(after[0]), "2025-01-06T11:00:00+01:00");
  EXPECT_EQ(FormatTimestamp(after[1]), "2025-01-06T12:00:00+01:00");
}

TEST(TimesAfter, NeedTwoTimesAndEndWithTheYears) {
  const std::vector<Timestamp> one = {ParseTimestamp("2025-01-03").value()};
  EXPECT_THAT(TimesAfter(one, 1).error().message, ::testing::HasSubstr("one candle does not tell"));
  const std::vector<Timestamp> late = {ParseTimestamp("2200-01-01").value(), ParseTimestamp("2250-01-01").value()};
  EXPECT_THAT(TimesAfter(late, 1).error().message, ::testing::HasSubstr("2262"));
}

}  // namespace
}  // namespace weir::forecast
