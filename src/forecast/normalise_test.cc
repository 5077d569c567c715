#include "forecast/normalise.h"

#include "forecast/fixtures.h"

namespace weir::forecast {
namespace {

using ::testing::FloatNear;
using ::testing::Pointwise;

template <typename Check>
void ForEachCase(Check check) {
  for (const char* name : {"tiny", "odd"}) {
    const JsonFile file = Fixture(std::string(name) + "/cases.json");
    for (const JsonValue& one : file["cases"].Items()) {
      SCOPED_TRACE(std::string(name) + " " + one["name"].Text().value());
      check(one, static_cast<float>(file["clip"].Number().value()));
    }
  }
}

TEST(Normalise, MeanAndDeviationAreNumpysToTheLastBit) {
  ForEachCase([](const JsonValue& one, float) {
    const Scale scale = ScaleOf(Candles(one["candles"]));
    EXPECT_EQ(std::vector(scale.mean.begin(), scale.mean.end()), Floats(one["expected"]["mean"]));
    EXPECT_EQ(std::vector(scale.deviation.begin(), scale.deviation.end()), Floats(one["expected"]["std"]));
  });
}

TEST(Normalise, RowsAreThoseOfTheOriginal) {
  ForEachCase([](const JsonValue& one, float clip) {
    std::vector<float> expected;
    for (const JsonValue& row : one["expected"]["normalised_input"].Items()) {
      for (const float value : Floats(row)) expected.push_back(value);
    }
    if (expected.empty()) return;  // only some cases tell
    const std::vector<Candle> candles = Candles(one["candles"]);
    EXPECT_EQ(Normalise(candles, ScaleOf(candles), clip), expected);
  });
}

TEST(Normalise, RestoringGivesTheOriginalsPrediction) {
  ForEachCase([](const JsonValue& one, float) {
    const Scale scale = ScaleOf(Candles(one["candles"]));
    const auto normalised = one["expected"]["normalised"].Items();
    const std::vector<Candle> predicted = Candles(one["expected"]["prediction"]);
    ASSERT_EQ(normalised.size(), predicted.size());
    for (std::size_t row = 0; row < predicted.size(); ++row) {
      const Candle restored = Restore(Floats(normalised[row]), scale);
      for (std::size_t column = 0; column < kColumns; ++column) {
        EXPECT_FLOAT_EQ(static_cast<float>(restored[column]), static_cast<float>(predicted[row][column]));
      }
    }
  });
}

TEST(Normalise, ClipsBothSides) {
  Scale scale;
  scale.deviation.fill(1.0F - 1e-5F);
  const std::vector<Candle> candles{{10, -10, 1, -1, 0, 5}};
  EXPECT_THAT(Normalise(candles, scale, 2), Pointwise(FloatNear(1e-6F), std::vector<float>{2, -2, 1, -1, 0, 2}));
}

TEST(Normalise, AddsInNumpysOrder) {
  // Sequentially, and in halves of another size, the last bits differ.
  std::vector<float> values;
  for (int i = 0; i < 1000; ++i) values.push_back(0.1F * static_cast<float>(i % 7));
  float sequential = 0;
  for (const float value : values) sequential += value;
  EXPECT_NE(PairwiseSum(values), sequential);
  EXPECT_EQ(PairwiseSum(std::span(values).first(5)), 0.0F + 0.1F + 0.2F + 0.3F + 0.4F);
  EXPECT_EQ(PairwiseSum({}), 0.0F);
}

}  // namespace
}  // namespace weir::forecast
