// Bodies of requests for forecasts: the candle service's, POST /v1/forecast's and KServe's. What is taken has as many
// times as candles, ascending, and goes on after them; what is not says why.
#include <cstdint>
#include <string_view>

#include "codec/candles_json.h"
#include "codec/forecast_json.h"

namespace {

using weir::Error;
using weir::forecast::SeriesQuestion;

void Check(bool holds) {
  if (!holds) __builtin_trap();
}

void CheckError(const Error& error) {
  Check(!error.message.empty());
  Check(!weir::codec::CandlesError(error, "id").empty());
}

void CheckQuestion(const SeriesQuestion& question, std::size_t steps) {
  const auto& times = question.times;
  Check(!question.candles.empty() && question.candles.size() == times.history.size());
  Check(steps > 0 && steps == times.future.size());
  std::int64_t before = times.history.front() - 1;
  for (const auto* const list : {&times.history, &times.future}) {
    for (const std::int64_t time : *list) {
      Check(time > before);
      before = time;
      (void)weir::forecast::StampOf({.wall_us = time, .offset_minutes = {}});
    }
  }
  Check(question.samples >= 1 && question.sampling.temperature > 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const weir::codec::ForecastDefaults defaults;
  const auto item = weir::codec::ParseCandleItem(body, defaults);
  if (item) {
    CheckQuestion(item->question, item->future.size());
  } else {
    CheckError(item.error());
  }
  const auto items = weir::codec::ParseCandleItems(body, defaults);
  if (items) {
    for (const auto& one : *items) CheckQuestion(one.question, one.future.size());
  } else {
    CheckError(items.error());
  }
  const auto forecast = weir::codec::ParseForecast(body);
  if (forecast) {
    for (const auto& one : forecast->series) CheckQuestion(one.question, one.future.size());
  } else {
    CheckError(forecast.error());
  }
  const auto series = weir::codec::ParseTimeSeries(body);
  if (series) {
    for (const auto& one : series->series) CheckQuestion(one.question, one.future.size());
  } else {
    CheckError(series.error());
  }
  return 0;
}
