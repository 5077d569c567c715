#include "forecast/plot.h"

#include <gmock/gmock.h>

namespace weir::forecast {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PlotTest : public ::testing::Test {
 protected:
  PlotTest() {
    for (int i = 0; i < 100; ++i) {
      times_.push_back({.wall_us = i * 60'000'000LL, .offset_minutes = {}});
      candles_.push_back({10.0 + i, 12.0 + i, 9.0 + i, 11.0 + i, 0, 0});
    }
    future_ = {{.wall_us = 6'000'000'000, .offset_minutes = {}}, {.wall_us = 6'060'000'000, .offset_minutes = {}}};
    mean_ = {{110, 112, 109, 108, 0, 0}, {108, 113, 107, 111, 0, 0}};
  }
  std::string Draw() const {
    return DrawForecast({.title = "BTC & <co>",
                         .times = times_,
                         .candles = candles_,
                         .future = future_,
                         .mean = mean_,
                         .samples = samples_});
  }
  static std::size_t Count(const std::string& text, std::string_view what) {
    std::size_t count = 0;
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
    return count;
  }

  std::vector<Timestamp> times_;
  std::vector<Candle> candles_;
  std::vector<Timestamp> future_;
  std::vector<Candle> mean_;
  std::vector<std::vector<Candle>> samples_;
};

TEST_F(PlotTest, ShowsTheLastCandlesAndThoseToCome) {
  const std::string svg = Draw();
  EXPECT_THAT(svg, HasSubstr("BTC &amp; &lt;co&gt;"));
  EXPECT_EQ(Count(svg, "class=\"wick\""), 32U);
  EXPECT_EQ(Count(svg, "class=\"down\""), 1U);
  EXPECT_THAT(svg, HasSubstr("1970-01-01T01:10"));
  EXPECT_THAT(svg, HasSubstr("class=\"mean\""));
}

TEST_F(PlotTest, SeveralSamplesHaveABand) {
  EXPECT_THAT(Draw(), Not(HasSubstr("<polygon")));
  samples_ = {mean_, {{110, 112, 109, 200, 0, 0}, {108, 113, 107, 300, 0, 0}}};
  EXPECT_THAT(Draw(), HasSubstr("<polygon class=\"band\""));
}

TEST_F(PlotTest, FlatPricesAndASingleCandleCanBeDrawn) {
  times_.resize(1);
  candles_ = {{5, 5, 5, 5, 0, 0}};
  mean_ = {candles_[0], candles_[0]};
  const std::string svg = Draw();
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace weir::forecast
