#include "forecast/sampler.h"

#include "forecast/fixtures.h"

namespace weir::forecast {
namespace {

using ::testing::ElementsAre;

std::size_t Kept(const std::vector<float>& probabilities) {
  return static_cast<std::size_t>(std::ranges::count_if(probabilities, [](float value) { return value > 0; }));
}

TEST(Sampler, KeepsWhatTheOriginalKeepsWithItsProbabilities) {
  const JsonFile file = Fixture("sampling.json");
  const std::vector<JsonValue> cases = file.root().Items();
  EXPECT_EQ(cases.size(), 74U);
  Probabilities probabilities;
  for (std::size_t index = 0; index < cases.size(); ++index) {
    const JsonValue& one = cases[index];
    std::vector<float> values = Floats(one["logits"]);
    const std::vector<float> expected = Floats(one["probabilities"]);
    probabilities.Make({.temperature = static_cast<float>(one["temperature"].Number().value()),
                        .top_k = static_cast<int>(one["top_k"].Whole().value()),
                        .top_p = static_cast<float>(one["top_p"].Number().value())},
                       values);
    EXPECT_EQ(Kept(values), static_cast<std::size_t>(one["kept"].Whole().value())) << "case " << index;
    for (std::size_t token = 0; token < values.size(); ++token) {
      EXPECT_EQ(values[token] == 0, expected[token] == 0) << "case " << index << ", token " << token;
      EXPECT_NEAR(values[token], expected[token], 1e-6 + 1e-5 * static_cast<double>(expected[token]))
          << "case " << index;
    }
  }
}

TEST(Sampler, NegativeBoundsAreThoseOfTheOriginal) {
  Probabilities probabilities;
  std::vector<float> values{1, 2, 3};
  probabilities.Make({.top_k = -1, .top_p = 1}, values);
  EXPECT_EQ(Kept(values), 3U);
  values = {1, 2, 3};
  probabilities.Make({.top_k = 0, .top_p = -1}, values);
  EXPECT_EQ(values, (std::vector<float>{0, 0, 1}));
}

// Source of the vectors: the Random123 library, kat_vectors, philox4x32 with 10 rounds.
TEST(Sampler, PhiloxGivesItsAuthorsNumbers) {
  EXPECT_THAT(Philox({0, 0, 0, 0}, 0), ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(Philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffffffffffff),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(Philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822),
              ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(Sampler, DrawsDependOnEveryPartOfTheirNumber) {
  const double first = UniformDraw(7, {});
  EXPECT_EQ(first, UniformDraw(7, {}));
  EXPECT_NE(first, UniformDraw(8, {}));
  EXPECT_NE(first, UniformDraw(7, {.sample = 1}));
  EXPECT_NE(first, UniformDraw(7, {.step = 1}));
  EXPECT_NE(first, UniformDraw(7, {.head = 1}));
}

TEST(Sampler, DrawsEachTokenAsOftenAsItsProbabilitySays) {
  const std::vector<float> probabilities{0.5F, 0, 0.125F, 0.375F};
  std::vector<double> drawn(4);
  constexpr std::uint32_t kDraws = 20'000;
  for (std::uint32_t step = 0; step < kDraws; ++step) {
    drawn[Draw(probabilities, UniformDraw(1, {.step = step}))] += 1.0 / kDraws;
  }
  EXPECT_EQ(drawn[1], 0);
  // Four standard deviations of the share of a token with probability 1/2.
  for (std::size_t token = 0; token < 4; ++token) EXPECT_NEAR(drawn[token], probabilities[token], 0.0142);
}

TEST(Sampler, TheEndsOfTheRangeDrawTokensThatMayBeDrawn) {
  const std::vector<float> probabilities{0, 0.25F, 0.75F, 0};
  EXPECT_EQ(Draw(probabilities, 0), 1U);
  EXPECT_EQ(Draw(probabilities, 1 - 0x1p-53), 2U);
}

}  // namespace
}  // namespace weir::forecast
