// Converted models against what the original gave: tests/kronos.
#include <cmath>
#include <numeric>
#include <random>

#include "base/test_folder.h"
#include "convert/kronos.h"
#include "forecast/fixtures.h"
#include "forecast/running_batch.h"
#include "model/onnx/onnx_backend.h"

namespace weir::convert {
namespace {

using forecast::Candle;
using forecast::Candles;
using forecast::Fixture;
using forecast::Forecast;
using forecast::ForecastRequest;
using forecast::KronosModel;
using forecast::RunningBatch;
using forecast::Times;
using forecast::Wholes;

// A model of tests/kronos, converted.
class Converted {
 public:
  explicit Converted(const std::string& name, DataType cache_type = DataType::kFp32)
      : cases(Fixture(name + "/cases.json")), backend_(MakeOnnxBackend({})) {
    const auto source = SourceDir() / "tests/kronos" / name;
    const KronosOptions options{.model = source / "model",
                                .tokenizer = source / "tokenizer",
                                .out = folder_.path() / "out",
                                .max_context = cases["max_context"].Whole().value(),
                                .clip = cases["clip"].Number().value(),
                                .cache_type = cache_type};
    const auto converted = ConvertKronos(options, [](std::string_view, double) {});
    if (!converted) throw std::runtime_error(converted.error().message);
    auto loaded = forecast::LoadKronos(*backend_, options.out);
    if (!loaded) throw std::runtime_error(loaded.error().message);
    model = std::move(*loaded);
  }

 private:
  const TestFolder folder_;

 public:
  const JsonFile cases;

 private:
  const std::unique_ptr<Backend> backend_;

 public:
  std::shared_ptr<const KronosModel> model;
};

ForecastRequest RequestOf(const JsonValue& series, const JsonValue& parameters) {
  ForecastRequest request;
  request.candles = Candles(series["candles"]);
  for (const auto& time : Times(series["timestamps"])) request.stamps.push_back(StampOf(time));
  for (const auto& time : Times(series["prediction_timestamps"])) request.future.push_back(StampOf(time));
  request.sampling = {.temperature = static_cast<float>(parameters["temperature"].Number().value()),
                      .top_k = static_cast<int>(parameters["top_k"].Whole().value()),
                      .top_p = static_cast<float>(parameters["top_p"].Number().value())};
  request.samples = static_cast<std::uint32_t>(parameters["sample_count"].Whole().value_or(1));
  return request;
}

ForecastRequest RequestOf(const JsonValue& one) { return RequestOf(one, one["params"]); }

// Alone, from its beginning to its end.
Forecast RunAlone(RunningBatch& batch, ForecastRequest request) {
  const auto id = batch.Join(std::move(request), {});
  if (!id) throw std::runtime_error(id.error().message);
  while (batch.Ended().empty()) {
    if (Status stepped = batch.Step({}); !stepped) throw std::runtime_error(stepped.error().message);
  }
  return batch.Take(*id, {}).value();
}

std::vector<std::int64_t> Drawn(const std::vector<std::int64_t>& parts, std::size_t history) {
  return {parts.begin() + static_cast<std::ptrdiff_t>(history), parts.end()};
}

std::vector<std::int64_t> History(const std::vector<std::int64_t>& parts, std::size_t history) {
  return {parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(history)};
}

// Of the deviation: from what the original gave, and of a candle from its like in the whole answer.
constexpr double kOriginalShare = 1e-4;
constexpr double kShownShare = 1e-5;

// Within `share` (deviation + 1e-5) + 1e-6 |value|.
void ExpectNear(const std::vector<Candle>& made, const std::vector<Candle>& wanted, const std::vector<Candle>& history,
                double share) {
  const forecast::Scale scale = forecast::ScaleOf(history);
  ASSERT_EQ(made.size(), wanted.size());
  for (std::size_t step = 0; step < made.size(); ++step) {
    for (std::size_t column = 0; column < forecast::kColumns; ++column) {
      const double value = wanted[step][column];
      const double bound = share * (static_cast<double>(scale.deviation[column]) + 1e-5) + 1e-6 * std::abs(value);
      EXPECT_NEAR(made[step][column], value, bound) << "step " << step << ", column " << column;
    }
  }
}

void ExpectOriginal(const Forecast& made, const JsonValue& one) {
  const JsonValue expected = one["expected"];
  const std::vector<Candle> history = Candles(one["candles"]);
  if (expected["history_s1"]) {
    for (const forecast::Tokens& tokens : made.tokens) {
      EXPECT_EQ(History(tokens.first, history.size()), Wholes(expected["history_s1"]));
      EXPECT_EQ(History(tokens.second, history.size()), Wholes(expected["history_s2"]));
      EXPECT_EQ(Drawn(tokens.first, history.size()), Wholes(expected["generated_s1"]));
      EXPECT_EQ(Drawn(tokens.second, history.size()), Wholes(expected["generated_s2"]));
    }
  }
  ExpectNear(made.mean, Candles(expected["prediction"]), history, kOriginalShare);
}

class KronosExact : public ::testing::TestWithParam<const char*> {};

TEST_P(KronosExact, GivesTheOriginalsTokensAndPricesAlone) {
  const Converted converted(GetParam());
  RunningBatch batch(converted.model, 4);
  for (const JsonValue& one : converted.cases["cases"].Items()) {
    SCOPED_TRACE(one["name"].Text().value());
    ExpectOriginal(RunAlone(batch, RequestOf(one)), one);
    EXPECT_EQ(batch.rows(), 0U);
  }
}

// While it is drawn a candle is decoded by itself, which adds in another order.
TEST_P(KronosExact, ShowsEachCandleAsSoonAsItIsDrawn) {
  const Converted converted(GetParam());
  RunningBatch batch(converted.model, 4);
  for (const JsonValue& one : converted.cases["cases"].Items()) {
    SCOPED_TRACE(one["name"].Text().value());
    ForecastRequest request = RequestOf(one);
    request.samples = 2;
    const std::vector<Candle> history = request.candles;
    std::vector<std::vector<Candle>> shown(request.samples);
    request.on_candle = [&](const forecast::CandlePlace& place, const Candle& candle) {
      EXPECT_EQ(shown[place.sample].size(), place.step);
      shown[place.sample].push_back(candle);
    };
    const Forecast made = RunAlone(batch, std::move(request));
    for (std::size_t sample = 0; sample < shown.size(); ++sample) {
      ExpectNear(shown[sample], made.samples[sample], history, kShownShare);
    }
  }
}

// Attention from 16-bit numbers is not exact; where the first two likeliest tokens are far enough apart it draws the
// same.
TEST_P(KronosExact, WithKeysAndValuesOf16BitsTakesHalfTheMemoryAndDrawsMostlyTheSame) {
  const Converted exact(GetParam());
  const Converted half(GetParam(), DataType::kFp16);
  const forecast::KronosManifest& manifest = exact.model->manifest;
  const auto second =
      static_cast<std::size_t>(2 * manifest.max_context * manifest.second_heads * manifest.second_head_size) *
      sizeof(float);
  EXPECT_EQ(half.model->RowBytes() - second, (exact.model->RowBytes() - second) / 2);
  RunningBatch batch(half.model, 4);
  std::size_t drawn = 0;
  std::size_t same = 0;
  for (const JsonValue& one : half.cases["cases"].Items()) {
    const JsonValue expected = one["expected"];
    if (!expected["generated_s1"]) continue;
    const std::size_t history = Candles(one["candles"]).size();
    const Forecast made = RunAlone(batch, RequestOf(one));
    const std::vector<std::int64_t> tokens = Drawn(made.tokens[0].first, history);
    const std::vector<std::int64_t> wanted = Wholes(expected["generated_s1"]);
    for (std::size_t step = 0; step < wanted.size(); ++step) same += tokens[step] == wanted[step] ? 1 : 0;
    drawn += wanted.size();
  }
  EXPECT_GT(same, drawn * 8 / 10) << "of " << drawn;
}

TEST_P(KronosExact, GivesTheOriginalsTokensAndPricesInAnyCompany) {
  const Converted converted(GetParam());
  const std::vector<JsonValue> cases = converted.cases["cases"].Items();
  for (std::uint32_t seed = 0; seed < 4; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::size_t> waiting(cases.size());
    std::iota(waiting.begin(), waiting.end(), 0U);
    std::ranges::shuffle(waiting, random);
    RunningBatch batch(converted.model, 6);
    std::map<RunningBatch::Id, std::size_t> running;
    while (!waiting.empty() || !running.empty()) {
      // Some join, whenever there is room for them.
      while (!waiting.empty() && random() % 3 != 0) {
        ForecastRequest request = RequestOf(cases[waiting.back()]);
        if (request.samples > batch.free_rows()) break;
        const auto id = batch.Join(std::move(request), {});
        ASSERT_TRUE(id) << id.error().message;
        running[*id] = waiting.back();
        waiting.pop_back();
      }
      ASSERT_TRUE(batch.Step({}));
      for (const RunningBatch::Id id : batch.Ended()) {
        SCOPED_TRACE(cases[running[id]]["name"].Text().value());
        const auto made = batch.Take(id, {});
        ASSERT_TRUE(made) << made.error().message;
        ExpectOriginal(*made, cases[running[id]]);
        running.erase(id);
      }
    }
    EXPECT_EQ(batch.rows(), 0U);
  }
}

TEST_P(KronosExact, GivesWhatTheOriginalsBatchCallGives) {
  const Converted converted(GetParam());
  RunningBatch batch(converted.model, 4);
  for (const JsonValue& one : converted.cases["batch"].Items()) {
    ExpectOriginal(RunAlone(batch, RequestOf(one)), one);
  }
}

// Sampling with seeds, among others that come and go: not a bit differs from the same forecast alone.
TEST_P(KronosExact, ASampledForecastIsTheSameInAnyCompany) {
  const Converted converted(GetParam());
  const std::vector<JsonValue> cases = converted.cases["cases"].Items();
  const auto sampled = [&](std::size_t index) {
    ForecastRequest request = RequestOf(cases[index]);
    request.sampling = {.temperature = 1, .top_k = 0, .top_p = 0.9F};
    request.samples = 1 + index % 3;
    request.seed = index;
    return request;
  };
  std::vector<Forecast> alone;
  for (std::size_t index = 0; index < cases.size(); ++index) {
    RunningBatch batch(converted.model, 3);
    alone.push_back(RunAlone(batch, sampled(index)));
  }
  RunningBatch batch(converted.model, 8);
  std::map<RunningBatch::Id, std::size_t> running;
  for (std::size_t next = 0; next < cases.size() || !running.empty();) {
    if (next < cases.size()) {
      if (ForecastRequest request = sampled(next); request.samples <= batch.free_rows()) {
        running[batch.Join(std::move(request), {}).value()] = next++;
      }
    }
    ASSERT_TRUE(batch.Step({}));
    for (const RunningBatch::Id id : batch.Ended()) {
      const Forecast made = batch.Take(id, {}).value();
      const Forecast& expected = alone[running[id]];
      SCOPED_TRACE(cases[running[id]]["name"].Text().value());
      EXPECT_EQ(made.samples, expected.samples);
      EXPECT_EQ(made.mean, expected.mean);
      running.erase(id);
    }
  }
}

TEST_P(KronosExact, AForecastThatLeavesChangesNoOther) {
  const Converted converted(GetParam());
  const std::vector<JsonValue> cases = converted.cases["cases"].Items();
  RunningBatch batch(converted.model, 5);
  std::vector<RunningBatch::Id> ids;
  for (std::size_t index = 0; index < 5; ++index) ids.push_back(batch.Join(RequestOf(cases[index]), {}).value());
  ASSERT_TRUE(batch.Step({}));
  batch.Leave(ids[0]);
  batch.Leave(ids[3]);
  std::size_t ended = 0;
  while (batch.rows() > 0 || !batch.Ended().empty()) {
    for (const RunningBatch::Id id : batch.Ended()) {
      const auto index = static_cast<std::size_t>(std::ranges::find(ids, id) - ids.begin());
      ExpectOriginal(batch.Take(id, {}).value(), cases[index]);
      ++ended;
    }
    ASSERT_TRUE(batch.Step({}));
  }
  EXPECT_EQ(ended, 3U);
}

// The mean of own samples against that of 4000 of the original's.
TEST_P(KronosExact, SamplesAreDistributedAsTheOriginals) {
  constexpr std::uint32_t kSamples = 400;
  const Converted converted(GetParam());
  const JsonValue distribution = converted.cases["distribution"];
  RunningBatch batch(converted.model, kSamples);
  for (const JsonValue& run : distribution["runs"].Items()) {
    ForecastRequest request = RequestOf(distribution, run["params"]);
    request.samples = kSamples;
    request.seed = 42;
    const forecast::Scale scale = forecast::ScaleOf(request.candles);
    const Forecast made = RunAlone(batch, std::move(request));
    const std::vector<Candle> means = Candles(run["mean"]);
    const std::vector<Candle> deviations = Candles(run["std"]);
    const double bound = 5 * std::sqrt(1.0 / kSamples + 1 / run["samples"].Number().value());
    for (std::size_t step = 0; step < means.size(); ++step) {
      for (std::size_t column = 0; column < forecast::kColumns; ++column) {
        const double mean = (made.mean[step][column] - static_cast<double>(scale.mean[column])) /
                            (static_cast<double>(scale.deviation[column]) + 1e-5);
        EXPECT_NEAR(mean, means[step][column], bound * deviations[step][column] + 1e-4);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, KronosExact, ::testing::Values("tiny", "odd"),
                         [](const auto& given) { return std::string(given.param); });

}  // namespace
}  // namespace weir::convert
