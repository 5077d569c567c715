#include "forecast/forecast_servable.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "forecast/running_batch.h"

namespace weir::forecast {
namespace {

// Places of the inputs.
enum Input : std::uint8_t { kCandles, kTimes, kFutureTimes, kTemperature, kTopK, kTopP, kSamples, kSeed, kInputs };

template <typename T>
Tensor TensorOf(DataType type, Shape shape, std::span<const T> values) {
  Tensor tensor = Tensor::Uninitialised(type, std::move(shape));
  std::ranges::copy(values, tensor.Mutable<T>().begin());
  return tensor;
}

template <typename T>
Tensor One(DataType type, T value) {
  return TensorOf<T>(type, {1}, std::span<const T>(&value, 1));
}

std::vector<Stamp> StampsOf(std::span<const std::int64_t> times) {
  std::vector<Stamp> stamps;
  for (const std::int64_t time : times) stamps.push_back(StampOf({.wall_us = time, .offset_minutes = {}}));
  return stamps;
}

// Within what can be dated, each after the one before, the first of the future after the last of the past.
Status CheckTimes(std::span<const Tensor> inputs) {
  std::int64_t before = kFirstTimestampUs - 1;
  for (const auto& [input, name] :
       {std::pair(Input::kTimes, "timestamps"), std::pair(Input::kFutureTimes, "prediction_timestamps")}) {
    for (const std::int64_t time : inputs[input].As<std::int64_t>()) {
      if (time <= before || time > kLastTimestampUs) {
        return Fail(Code::kUnprocessable,
                    fmt::format("'{}' must ascend, after all that come before, within the years 1677 to 2262", name),
                    name);
      }
      before = time;
    }
  }
  return {};
}

Tensor CandlesTensor(Shape shape, const std::vector<std::vector<Candle>>& lists) {
  Tensor tensor = Tensor::Uninitialised(DataType::kFp64, std::move(shape));
  auto out = tensor.Mutable<double>().begin();
  for (const auto& candles : lists) {
    for (const Candle& candle : candles) out = std::ranges::copy(candle, out).out;
  }
  return tensor;
}

class ForecastStepper final : public Stepper {
 public:
  ForecastStepper(std::shared_ptr<const KronosModel> model, std::size_t rows)
      : rows_(rows), row_bytes_(model->RowBytes()), batch_(std::move(model), rows) {}

  std::size_t rows() const override { return rows_; }
  std::size_t free_rows() const override { return batch_.free_rows(); }
  std::size_t RowsOf(const JobRequest& request) const override {
    return std::min(rows_, static_cast<std::size_t>(request.inputs[Input::kSamples].As<std::int32_t>()[0]));
  }
  std::size_t row_bytes() const override { return row_bytes_; }
  std::uint64_t TakeWork() override { return batch_.TakeWork(); }

  Result<Id> Join(const JobRequest& request, const std::stop_token& stop) override {
    ForecastRequest forecast = FromTensors(request.inputs);
    const auto method = ForecastMethod::Decode(request.method);
    forecast.exact = method.exact;
    forecast.first_sample = method.first_sample;
    if (request.on_part) {
      forecast.on_candle = [show = request.on_part](const CandlePlace& place, const Candle& candle) {
        const std::int32_t at[] = {static_cast<std::int32_t>(place.sample), static_cast<std::int32_t>(place.step)};
        show(
            {TensorOf<std::int32_t>(DataType::kInt32, {2}, at), TensorOf<double>(DataType::kFp64, {kColumns}, candle)});
      };
    }
    return batch_.Join(std::move(forecast), stop);
  }
  Status Step(const std::stop_token& stop) override { return batch_.Step(stop); }
  void Leave(Id id) override { batch_.Leave(id); }

  std::vector<std::pair<Id, Result<std::vector<Tensor>>>> TakeEnded(const std::stop_token& stop) override {
    std::vector<std::pair<Id, Result<std::vector<Tensor>>>> ended;
    for (const Id id : batch_.Ended()) {
      auto forecast = batch_.Take(id, stop);
      if (!forecast) {
        ended.emplace_back(id, std::unexpected(forecast.error()));
        continue;
      }
      const auto samples = std::ssize(forecast->samples);
      const auto steps = std::ssize(forecast->mean);
      const auto columns = static_cast<std::int64_t>(kColumns);
      ended.emplace_back(id, std::vector{CandlesTensor({steps, columns}, {forecast->mean}),
                                         CandlesTensor({samples, steps, columns}, forecast->samples)});
    }
    return ended;
  }

 private:
  const std::size_t rows_;
  const std::size_t row_bytes_;
  RunningBatch batch_;
};

class ForecastServable final : public Servable {
 public:
  ForecastServable(std::shared_ptr<const KronosModel> model, const ForecastRoom& room)
      : model_(std::move(model)), room_(room) {
    constexpr auto kAny = std::int64_t{-1};
    constexpr auto kWidth = static_cast<std::int64_t>(kColumns);
    manifest_.platform = "onnxruntime_onnx";
    manifest_.inputs = {{"candles", DataType::kFp64, {kAny, kWidth}},
                        {"timestamps", DataType::kInt64, {kAny}},
                        {"prediction_timestamps", DataType::kInt64, {kAny}},
                        {"temperature", DataType::kFp32, {1}},
                        {"top_k", DataType::kInt32, {1}},
                        {"top_p", DataType::kFp32, {1}},
                        {"sample_count", DataType::kInt32, {1}},
                        {"seed", DataType::kInt64, {1}}};
    manifest_.outputs = {{"prediction", DataType::kFp64, {kAny, kWidth}},
                         {"samples", DataType::kFp64, {kAny, kAny, kWidth}}};
    manifest_.weight_bytes = model_->weight_bytes();
  }

  const Manifest& manifest() const override { return manifest_; }
  std::string_view task() const override { return "forecast"; }
  std::size_t max_batch() const override { return 1; }
  std::unique_ptr<Runner> NewRunner() const override { return nullptr; }
  std::unique_ptr<Stepper> NewStepper() const override {
    return std::make_unique<ForecastStepper>(model_, room_.rows_of_set());
  }
  std::size_t max_steppers() const override { return room_.sets(); }
  bool steps() const override { return true; }

  Status Check(const JobRequest& request) const override {
    if (Status fits = Servable::Check(request); !fits) return fits;
    if (Status times = CheckTimes(request.inputs); !times) return times;
    return CheckForecast(FromTensors(request.inputs), model_->manifest);
  }

  JobCost CostOf(std::span<const Tensor> inputs) const override {
    const auto samples = static_cast<std::size_t>(inputs[Input::kSamples].As<std::int32_t>()[0]);
    const std::uint64_t work =
        WorkOf(model_->manifest, inputs[Input::kTimes].elements(), inputs[Input::kFutureTimes].elements(), samples);
    return {.length = static_cast<std::uint32_t>(std::min<std::uint64_t>(work, UINT32_MAX)),
            .group = 0,
            .bytes = inputs[Input::kCandles].bytes()};
  }

  Status WarmUp() const override {
    const std::vector<Candle> candles(8, Candle{1, 2, 1, 2, 1, 1});
    ForecastTimes times;
    for (std::int64_t i = 0; i < 8; ++i) times.history.push_back(i * 60'000'000);
    times.future = {480'000'000, 540'000'000};
    ForecastStepper stepper(model_, 1);
    JobRequest request{.inputs = ToTensors(candles, times, {}, 1, 0)};
    if (auto joined = stepper.Join(request, {}); !joined) return Forward(joined);
    if (Status stepped = stepper.Step({}); !stepped) return stepped;
    for (auto& [id, result] : stepper.TakeEnded({})) {
      if (!result) return Forward(result);
    }
    return {};
  }

 private:
  const std::shared_ptr<const KronosModel> model_;
  const ForecastRoom room_;
  Manifest manifest_;
};

}  // namespace

std::vector<Tensor> ToTensors(const std::vector<Candle>& candles, const ForecastTimes& times, const Sampling& sampling,
                              std::uint32_t samples, std::uint64_t seed) {
  std::vector<Tensor> inputs(Input::kInputs);
  const auto count = [](const auto& list) { return Shape{std::ssize(list)}; };
  inputs[Input::kCandles] = CandlesTensor({std::ssize(candles), static_cast<std::int64_t>(kColumns)}, {candles});
  inputs[Input::kTimes] = TensorOf<std::int64_t>(DataType::kInt64, count(times.history), times.history);
  inputs[Input::kFutureTimes] = TensorOf<std::int64_t>(DataType::kInt64, count(times.future), times.future);
  inputs[Input::kTemperature] = One(DataType::kFp32, sampling.temperature);
  inputs[Input::kTopK] = One(DataType::kInt32, static_cast<std::int32_t>(sampling.top_k));
  inputs[Input::kTopP] = One(DataType::kFp32, sampling.top_p);
  inputs[Input::kSamples] = One(DataType::kInt32, static_cast<std::int32_t>(samples));
  inputs[Input::kSeed] = One(DataType::kInt64, static_cast<std::int64_t>(seed));
  return inputs;
}

ForecastRequest FromTensors(std::span<const Tensor> inputs) {
  ForecastRequest request;
  const auto values = inputs[Input::kCandles].As<double>();
  request.candles.resize(values.size() / kColumns);
  for (std::size_t row = 0; row < request.candles.size(); ++row) {
    std::ranges::copy(values.subspan(row * kColumns, kColumns), request.candles[row].begin());
  }
  request.stamps = StampsOf(inputs[Input::kTimes].As<std::int64_t>());
  request.future = StampsOf(inputs[Input::kFutureTimes].As<std::int64_t>());
  request.sampling = {.temperature = inputs[Input::kTemperature].As<float>()[0],
                      .top_k = inputs[Input::kTopK].As<std::int32_t>()[0],
                      .top_p = inputs[Input::kTopP].As<float>()[0]};
  request.samples = static_cast<std::uint32_t>(inputs[Input::kSamples].As<std::int32_t>()[0]);
  request.seed = static_cast<std::uint64_t>(inputs[Input::kSeed].As<std::int64_t>()[0]);
  return request;
}

std::shared_ptr<const Servable> MakeForecastServable(std::shared_ptr<const KronosModel> model,
                                                     const ForecastRoom& room) {
  return std::make_shared<ForecastServable>(std::move(model), room);
}

}  // namespace weir::forecast
