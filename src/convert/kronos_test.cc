#include "convert/kronos.h"

#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

#include "base/test_folder.h"
#include "base/test_paths.h"
#include "engine/engine.h"
#include "engine/fake_servable.h"
#include "forecast/fixtures.h"
#include "forecast/forecast_servable.h"
#include "forecast/running_batch.h"
#include "model/onnx/onnx_backend.h"

namespace weir::convert {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class KronosConversion : public ::testing::Test {
 protected:
  KronosConversion() {
    options_ = {.model = Copy("tiny/model"), .tokenizer = Copy("tiny/tokenizer"), .out = folder_.path() / "out"};
  }

  fs::path Copy(const std::string& name) const {
    const fs::path to = folder_.path() / name;
    fs::create_directories(to.parent_path());
    fs::copy(SourceDir() / "tests/kronos" / name, to);
    return to;
  }
  // In a configuration, by its text.
  static void Edit(const fs::path& folder, const std::string& from, const std::string& to) {
    const fs::path file = folder / "config.json";
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    std::string config = text.str();
    const std::size_t at = config.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    fs::permissions(file, fs::perms::owner_write, fs::perm_options::add);
    std::ofstream(file) << config.replace(at, from.size(), to);
  }
  std::string Refusal() const {
    const auto converted = ConvertKronos(options_, [](std::string_view, double) {});
    EXPECT_FALSE(fs::exists(options_.out));
    EXPECT_FALSE(fs::exists(options_.out.string() + ".part"));
    return converted ? "converted" : converted.error().message;
  }

  const TestFolder folder_;
  KronosOptions options_;
};

TEST_F(KronosConversion, WritesFourGraphsWithTheirWeightsAndAManifest) {
  std::vector<double> shares;
  const auto manifest = ConvertKronos(options_, [&](std::string_view, double done) { shares.push_back(done); });
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_TRUE(std::ranges::is_sorted(shares));
  EXPECT_EQ(shares.back(), 1);
  std::vector<std::string> files;
  for (const auto& file : fs::directory_iterator(options_.out)) files.push_back(file.path().filename());
  EXPECT_THAT(
      files, UnorderedElementsAre("tok_encode.onnx", "tok_encode.onnx.data", "tok_decode.onnx", "tok_decode.onnx.data",
                                  "predictor.onnx", "predictor.onnx.data", "dep.onnx", "dep.onnx.data", "kronos.json"));
  const auto read = forecast::ReadKronosManifest(options_.out);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->max_context, 512);
  EXPECT_EQ(read->clip, 5);
  EXPECT_EQ(read->bits, 6);
}

TEST_F(KronosConversion, NamesTheTensorThatIsMissingUnexpectedOrOfAnotherShape) {
  Edit(options_.model, R"("n_layers": 2)", R"("n_layers": 3)");
  EXPECT_THAT(Refusal(), HasSubstr("has no tensor 'transformer.2."));
  Edit(options_.model, R"("n_layers": 3)", R"("n_layers": 1)");
  EXPECT_THAT(Refusal(), HasSubstr("holds a tensor 'transformer.1."));
  Edit(options_.model, R"("n_layers": 1)", R"("n_layers": 2)");
  Edit(options_.model, R"("ff_dim": 128)", R"("ff_dim": 96)");
  EXPECT_THAT(Refusal(), HasSubstr("by config.json it should be [96, 64]"));
}

TEST_F(KronosConversion, NamesTheEntryOfTheConfigurationThatIsWrong) {
  Edit(options_.model, R"("n_heads": 4)", R"("n_heads": 5)");
  EXPECT_THAT(Refusal(), HasSubstr("config.json: 'd_model' (64) must be a multiple of twice 'n_heads' (5)"));
  Edit(options_.model, R"("n_heads": 5)", R"("n_heads": -1)");
  EXPECT_THAT(Refusal(), HasSubstr("'n_heads' must be a whole number from 1"));
  Edit(options_.model, R"("n_heads": -1)", R"("heads": 4)");
  EXPECT_THAT(Refusal(), HasSubstr("'n_heads' is missing"));
}

TEST_F(KronosConversion, RefusesWhatIsNoModelOrDoesNotBelongTogether) {
  fs::copy(SourceDir() / "tests/kronos/odd/tokenizer", folder_.path() / "odd");
  options_.tokenizer = folder_.path() / "odd";
  EXPECT_THAT(Refusal(), HasSubstr("they do not belong together"));
  options_.tokenizer = options_.model;
  EXPECT_THAT(Refusal(), HasSubstr("'d_in' is missing"));
  options_.tokenizer = folder_.path() / "nowhere";
  EXPECT_THAT(Refusal(), HasSubstr("has no config.json"));
  fs::remove(options_.model / "model.safetensors");
  options_.tokenizer = folder_.path() / "tiny/tokenizer";
  EXPECT_THAT(Refusal(), HasSubstr("has no model.safetensors"));
}

TEST_F(KronosConversion, RefusesOptionsOutOfRange) {
  options_.clip = 0;
  EXPECT_THAT(Refusal(), HasSubstr("clip must be above 0"));
  options_.clip = 5;
  options_.max_context = 0;
  EXPECT_THAT(Refusal(), HasSubstr("the context must be from 1"));
}

// As the server runs it: several at once on two threads, each as it is alone.
class KronosServed : public KronosConversion {
 protected:
  KronosServed() {
    options_.max_context = 64;
    if (auto converted = ConvertKronos(options_, [](std::string_view, double) {}); !converted) {
      throw std::runtime_error(converted.error().message);
    }
    model_ = forecast::LoadKronos(*backend_, options_.out).value();
  }

  static JobRequest RequestOf(const JsonValue& one, std::uint32_t samples, std::uint64_t seed) {
    forecast::ForecastTimes times;
    for (const auto& time : forecast::Times(one["timestamps"])) times.history.push_back(time.wall_us);
    for (const auto& time : forecast::Times(one["prediction_timestamps"])) times.future.push_back(time.wall_us);
    return {.inputs = forecast::ToTensors(forecast::Candles(one["candles"]), times, {}, samples, seed)};
  }
  static std::vector<double> Values(const Tensor& tensor) {
    const auto values = tensor.As<double>();
    return {values.begin(), values.end()};
  }

  const std::unique_ptr<Backend> backend_ = MakeOnnxBackend({});
  std::shared_ptr<const forecast::KronosModel> model_;
  Metrics metrics_;
};

TEST_F(KronosServed, ForecastsAtOnceAreThoseOfEachAlone) {
  const auto servable = forecast::MakeForecastServable(model_, {.rows = 12, .runs = 2});
  ASSERT_TRUE(servable->WarmUp());
  FakeLoader loader([&](const std::string&) { return servable; });
  Engine engine({.deployment = {.workers = 2}}, loader, Clock::Steady(), metrics_);
  ASSERT_TRUE(engine.LoadAndWait("kronos"));
  const JsonFile file = forecast::Fixture("tiny/cases.json");
  const std::vector<JsonValue> cases = file["cases"].Items();
  const auto request = [&](std::size_t index) { return RequestOf(cases[index % cases.size()], 1 + index % 3, index); };
  std::vector<std::vector<double>> alone;
  for (std::size_t index = 0; index < 2 * cases.size(); ++index) {
    const auto output = engine.Run("kronos", request(index));
    ASSERT_TRUE(output) << output.error().message;
    alone.push_back(Values(output->tensors[1]));
  }
  std::vector<std::future<Result<Output>>> answers;
  for (std::size_t index = 0; index < alone.size(); ++index) {
    auto promise = std::make_shared<std::promise<Result<Output>>>();
    answers.push_back(promise->get_future());
    engine.Submit("kronos", request(index),
                  [promise](Result<Output> output) { promise->set_value(std::move(output)); });
  }
  for (std::size_t index = 0; index < answers.size(); ++index) {
    const auto output = answers[index].get();
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_EQ(Values(output->tensors[1]), alone[index]) << index;
  }
}

TEST_F(KronosServed, SamplesThatFindNoRowWaitForThoseBeforeThem) {
  const JsonFile file = forecast::Fixture("tiny/cases.json");
  const std::vector<JsonValue> cases = file["cases"].Items();
  const auto samples_of = [&](std::size_t rows, std::size_t index) {
    forecast::RunningBatch batch(model_, rows);
    const auto id = batch.Join(forecast::FromTensors(RequestOf(cases[index], 7, 3).inputs), {});
    EXPECT_TRUE(id) << id.error().message;
    while (batch.Ended().empty()) {
      EXPECT_LE(batch.rows(), rows);
      EXPECT_TRUE(batch.Step({}));
    }
    EXPECT_EQ(batch.rows(), 0U);
    return batch.Take(*id, {}).value().samples;
  };
  for (std::size_t index = 0; index < cases.size(); ++index) {
    const auto all_at_once = samples_of(7, index);
    EXPECT_EQ(samples_of(3, index), all_at_once) << index;
    EXPECT_EQ(samples_of(1, index), all_at_once) << index;
  }
}

TEST_F(KronosServed, OneThatNeedNotBeExactIsSoUntilItsWindowSlidesAndIsTheSameInAnyCompany) {
  const JsonFile file = forecast::Fixture("tiny/cases.json");
  const std::vector<JsonValue> cases = file["cases"].Items();
  const auto request = [&](std::size_t index, bool exact) {
    forecast::ForecastRequest made = forecast::FromTensors(RequestOf(cases[index], 2, index).inputs);
    made.exact = exact;
    return made;
  };
  const auto alone = [&](std::size_t index, bool exact) {
    forecast::RunningBatch batch(model_, 2);
    const auto id = batch.Join(request(index, exact), {}).value();
    while (batch.Ended().empty()) EXPECT_TRUE(batch.Step({}));
    return batch.Take(id, {}).value();
  };
  forecast::RunningBatch together(model_, 2 * cases.size());
  std::vector<forecast::RunningBatch::Id> ids;
  for (std::size_t index = 0; index < cases.size(); ++index) {
    ids.push_back(together.Join(request(index, false), {}).value());
    EXPECT_TRUE(together.Step({}));
  }
  while (together.Ended().size() < cases.size()) EXPECT_TRUE(together.Step({}));
  const auto context = static_cast<std::size_t>(model_->manifest.max_context);
  for (std::size_t index = 0; index < cases.size(); ++index) {
    const forecast::Forecast quick = alone(index, false);
    EXPECT_EQ(together.Take(ids[index], {}).value().samples, quick.samples) << index;
    const forecast::Forecast exact = alone(index, true);
    const std::size_t kept = std::min(context, exact.tokens[0].size());
    for (std::size_t at = 0; at < kept && exact.tokens[0].size() <= context; ++at) {
      EXPECT_EQ(quick.tokens[0].first[at], exact.tokens[0].first[at]) << index << ' ' << at;
    }
  }
}

TEST_F(KronosServed, RefusesWhatCannotBeForecastBeforeAnythingIsRun) {
  const auto servable = forecast::MakeForecastServable(model_, {.rows = 4, .runs = 1});
  const JsonFile file = forecast::Fixture("tiny/cases.json");
  const JsonValue one = file["cases"].Items().front();
  const auto refusal = [&](const std::function<void(std::vector<Tensor>&)>& change) {
    JobRequest request = RequestOf(one, 1, 0);
    change(request.inputs);
    const Status checked = servable->Check(request);
    return checked ? "accepted" : checked.error().message;
  };
  EXPECT_EQ(refusal([](auto&) {}), "accepted");
  EXPECT_THAT(refusal([](auto& inputs) { inputs[0].template Mutable<double>()[8] = std::nan(""); }),
              HasSubstr("'candles[1].low' must be a number"));
  EXPECT_THAT(refusal([](auto& inputs) { inputs[1].template Mutable<std::int64_t>()[3] = 0; }),
              HasSubstr("'timestamps' must ascend"));
  EXPECT_THAT(refusal([](auto& inputs) { inputs[2].template Mutable<std::int64_t>()[0] = INT64_MAX; }),
              HasSubstr("'prediction_timestamps' must ascend"));
  EXPECT_THAT(refusal([](auto& inputs) { inputs[3].template Mutable<float>()[0] = 0; }),
              HasSubstr("'temperature' must be a number above 0"));
  EXPECT_THAT(refusal([](auto& inputs) { inputs[6].template Mutable<std::int32_t>()[0] = 1025; }),
              HasSubstr("'sample_count' must be from 1 to 1024"));
  EXPECT_THAT(refusal([](auto& inputs) { inputs[0] = Tensor::Uninitialised(DataType::kFp64, {0, 6}); }),
              HasSubstr("'candles' must hold 1 to 2048 candles, it holds 0"));
  EXPECT_THAT(refusal([](auto& inputs) {
                inputs[2] = Tensor::Uninitialised(DataType::kInt64, {65});
                const auto times = inputs[2].template Mutable<std::int64_t>();
                std::iota(times.begin(), times.end(), std::int64_t{1} << 51);  // 2041
              }),
              HasSubstr("1 to 64 candles can be forecast"));
}

}  // namespace
}  // namespace weir::convert
