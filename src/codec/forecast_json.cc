#include "codec/forecast_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/ids.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"

namespace weir::codec {
namespace {

using forecast::Candle;
using forecast::Timestamp;

// Where quantiles are asked for and nobody says of how many samples.
constexpr std::uint32_t kSamplesForQuantiles = 20;
constexpr std::size_t kMostQuantiles = 32;
constexpr std::int64_t kMostHorizon = 1'000'000;  // the model says what it can

const std::vector<std::string>& CommonFields() {
  static const std::vector<std::string> fields = {"horizon", "temperature", "top_k",     "top_p",  "sample_count",
                                                  "seed",    "exact",       "quantiles", "samples"};
  return fields;
}

std::vector<std::string> With(std::vector<std::string> fields) {
  fields.insert(fields.end(), CommonFields().begin(), CommonFields().end());
  return fields;
}

// "0.1" for 0.1, as clients look it up.
std::string QuantileName(double quantile) { return fmt::format("{}", quantile); }

Status ParseQuantiles(const JsonObject& object, ForecastSeries& series) {
  const auto given = object.Find("quantiles");
  if (!given) return std::unexpected(given.error());
  if (!*given) return {};
  const std::string path = object.Path("quantiles");
  const auto list = object.RequireArray("quantiles");
  if (!list) return std::unexpected(list.error());
  series.quantiles.clear();
  for (const JsonElement element : *list) {
    double quantile = 0;
    if (element.get(quantile) || !(quantile >= 0 && quantile <= 1)) {
      return InvalidArgument(fmt::format("'{}[{}]' must be a number from 0 to 1", path, series.quantiles.size()), path);
    }
    series.quantiles.emplace_back(QuantileName(quantile), quantile);
    if (series.quantiles.size() > kMostQuantiles) {
      return InvalidArgument(fmt::format("'{}' must hold at most {} numbers", path, kMostQuantiles), path);
    }
  }
  return {};
}

// What may stand beside the series and in each of them.
Status ParseCommon(const JsonObject& object, ForecastSeries& series, std::optional<std::int64_t>& horizon) {
  if (Status read = ParseSampling(object, series.question); !read) return read;
  const auto steps = object.FindInt("horizon", 1, kMostHorizon);
  if (!steps) return std::unexpected(steps.error());
  if (*steps) horizon = **steps;
  const auto shows = object.FindBool("samples");
  if (!shows) return std::unexpected(shows.error());
  if (*shows) series.shows_samples = **shows;
  const auto samples = object.Find("sample_count");
  Status quantiles = ParseQuantiles(object, series);
  if (!quantiles) return quantiles;
  const bool says_samples = samples && *samples;
  if (!series.quantiles.empty() && series.question.samples == 1 && !says_samples) {
    series.question.samples = kSamplesForQuantiles;
  }
  return {};
}

Status ParseSteps(const JsonObject& object, const std::vector<Timestamp>& times, std::optional<std::int64_t> horizon,
                  ForecastSeries& series) {
  const auto given = object.Find("prediction_timestamps");
  if (given && *given) {
    auto future = ParseTimes(object, "prediction_timestamps");
    if (!future) return Forward(future);
    series.future = std::move(*future);
    if (!horizon || *horizon == std::ssize(series.future)) return {};
    return InvalidArgument(fmt::format("'{}' is {}, but there are {} prediction_timestamps: leave out one of them",
                                       object.Path("horizon"), *horizon, series.future.size()),
                           object.Path("horizon"));
  }
  if (!horizon) {
    return InvalidArgument(fmt::format("'{}' is missing: say how many candles to forecast, or give "
                                       "'prediction_timestamps'",
                                       object.Path("horizon")),
                           object.Path("horizon"));
  }
  auto future = forecast::TimesAfter(times, *horizon);
  if (!future) {
    return InvalidArgument(fmt::format("'{}': {}", object.Path("timestamps"), future.error().message),
                           object.Path("timestamps"));
  }
  series.future = std::move(*future);
  return {};
}

Result<ForecastSeries> ParseOne(const JsonObject& object, ForecastSeries series, std::optional<std::int64_t> horizon) {
  static const std::vector<std::string> known = With({"id", "candles", "timestamps", "prediction_timestamps"});
  if (Status fields = object.OnlyKnown(known); !fields) return Forward(fields);
  auto id = object.FindString("id");
  if (!id) return Forward(id);
  series.id = std::move(*id);
  if (Status common = ParseCommon(object, series, horizon); !common) return Forward(common);
  auto candles = ParseCandles(object);
  if (!candles) return Forward(candles);
  series.question.candles = std::move(*candles);
  const auto times = ParseTimes(object, "timestamps");
  if (!times) return std::unexpected(times.error());
  if (times->size() != series.question.candles.size()) {
    return InvalidArgument(
        fmt::format("there are {} candles and {} timestamps", series.question.candles.size(), times->size()),
        object.Path("timestamps"));
  }
  // Before the steps to come are reckoned from them.
  if (Status ascend = CheckTimes(object, *times, {}, false); !ascend) return Forward(ascend);
  if (Status steps = ParseSteps(object, *times, horizon, series); !steps) return Forward(steps);
  if (Status ascend = CheckTimes(object, *times, series.future, false); !ascend) return Forward(ascend);
  series.question.times = ForecastTimesOf(*times, series.future);
  return series;
}

void WriteCandles(JsonWriter& json, const std::vector<Timestamp>& times, const std::vector<Candle>& candles) {
  json.BeginArray();
  for (std::size_t i = 0; i < times.size(); ++i) WriteCandle(json, times[i], candles[i]);
  json.EndArray();
}

void WriteId(JsonWriter& json, const ForecastSeries& series) {
  json.Key("id");
  if (series.id) {
    json.String(*series.id);
  } else {
    json.Null();
  }
}

void WriteSeries(JsonWriter& json, const ForecastSeries& series, const forecast::SeriesForecast& forecast) {
  json.BeginObject();
  WriteId(json, series);
  json.Key("seed").Int(static_cast<std::int64_t>(series.question.seed)).Key("prediction");
  WriteCandles(json, series.future, forecast.mean);
  if (!series.quantiles.empty()) {
    json.Key("quantiles").BeginObject();
    for (const auto& [name, quantile] : series.quantiles) {
      json.Key(name);
      WriteCandles(json, series.future, forecast::QuantileOf(forecast.samples, quantile));
    }
    json.EndObject();
  }
  if (series.shows_samples) {
    json.Key("samples").BeginArray();
    for (const auto& sample : forecast.samples) WriteCandles(json, series.future, sample);
    json.EndArray();
  }
  json.EndObject();
}

// How far apart a time series' values are: some microseconds, or months of the calendar.
struct Frequency {
  std::string_view word;
  std::string_view letter;
  std::int64_t microseconds = 0;
  int months = 0;
};
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::array kFrequencies = {Frequency{"second", "S", kSecond},
                                     Frequency{"minute", "T", 60 * kSecond},
                                     Frequency{"hour", "H", 3600 * kSecond},
                                     Frequency{"day", "D", 86'400 * kSecond},
                                     Frequency{"week", "W", 7 * 86'400 * kSecond},
                                     Frequency{"month", "M", 0, 1},
                                     Frequency{"quarter", "Q", 0, 3},
                                     Frequency{"year", "Y", 0, 12}};

const Frequency* FindFrequency(std::string_view name) {
  const auto is_it = [&](const Frequency& one) {
    const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
    return name == one.letter || std::ranges::equal(name, one.word, same);
  };
  const auto* const found = std::ranges::find_if(kFrequencies, is_it);
  return found == kFrequencies.end() ? nullptr : found;
}

// The end of a month that has fewer days stands for the day that it has not.
Timestamp After(Timestamp start, const Frequency& frequency, std::int64_t steps) {
  if (frequency.months == 0) {
    start.wall_us += steps * frequency.microseconds;
    return start;
  }
  using std::chrono::days;
  const std::chrono::sys_time<std::chrono::microseconds> wall{std::chrono::microseconds(start.wall_us)};
  const auto day = std::chrono::floor<days>(wall);
  const auto months = std::chrono::months(static_cast<int>(steps) * frequency.months);
  std::chrono::year_month_day date = std::chrono::year_month_day(day) + months;
  if (!date.ok()) date = date.year() / date.month() / std::chrono::last;
  start.wall_us = (std::chrono::sys_days(date) + (wall - day)).time_since_epoch().count();
  return start;
}

Result<std::vector<double>> ParseRow(JsonElement element, const std::string& path) {
  simdjson::dom::array list;
  std::vector<double> values;
  double number = 0;
  if (!element.get(number)) {
    values.push_back(number);
  } else if (!element.get(list)) {
    for (const JsonElement one : list) {
      if (one.get(number)) return InvalidArgument(fmt::format("'{}' must hold numbers", path), path);
      values.push_back(number);
    }
  }
  if (values.empty()) return InvalidArgument(fmt::format("'{}' must be a number, or a list of them", path), path);
  for (const double value : values) {
    if (!std::isfinite(value)) return InvalidArgument(fmt::format("'{}' must be finite", path), path);
  }
  return values;
}

Status ParseValues(const JsonObject& object, TimeSeriesInput& input, std::vector<Candle>& candles) {
  const auto list = object.RequireArray("series");
  if (!list) return std::unexpected(list.error());
  for (const JsonElement element : *list) {
    const std::string path = Indexed(object.Path("series"), candles.size());
    const auto row = ParseRow(element, path);
    if (!row) return std::unexpected(row.error());
    const bool fits = input.is_multivariate ? row->size() >= 4 && row->size() <= forecast::kColumns &&
                                                  (candles.empty() || row->size() == input.columns)
                                            : row->size() == 1;
    if (!fits) {
      return InvalidArgument(
          input.is_multivariate
              ? fmt::format("'{}' must hold open, high, low, close and perhaps volume and amount, as all others", path)
              : fmt::format("'{}' must be one number", path),
          path);
    }
    input.columns = row->size();
    Candle candle{};
    if (input.is_multivariate) {
      std::ranges::copy(*row, candle.begin());
    } else {
      std::ranges::fill_n(candle.begin(), 4, row->front());
    }
    candles.push_back(candle);
  }
  if (candles.empty()) {
    return InvalidArgument(fmt::format("'{}' must hold at least one value", object.Path("series")),
                           object.Path("series"));
  }
  return {};
}

Result<Timestamp> ParseStart(const JsonObject& object) {
  const auto text = object.FindString("start_timestamp");
  if (!text) return std::unexpected(text.error());
  if (!*text) return Timestamp{};
  auto start = forecast::ParseTimestamp(**text);
  if (start) return start;
  const std::string path = object.Path("start_timestamp");
  return InvalidArgument(fmt::format("'{}' {}", path, start.error().message), path);
}

Status ParseTimeSeriesInput(const JsonObject& object, std::int64_t horizon, TimeSeriesInput& input,
                            ForecastSeries& series) {
  const auto type = object.RequireString("type");
  if (!type) return std::unexpected(type.error());
  input.is_multivariate = *type == "multivariate_time_series";
  if (!input.is_multivariate && *type != "univariate_time_series") {
    return InvalidArgument(fmt::format("'{}' must be univariate_time_series or multivariate_time_series, not '{}'",
                                       object.Path("type"), *type),
                           object.Path("type"));
  }
  auto name = object.RequireString("name");
  if (!name) return Forward(name);
  input.name = std::move(*name);
  auto frequency = object.RequireString("frequency");
  if (!frequency) return Forward(frequency);
  const Frequency* const step = FindFrequency(*frequency);
  if (step == nullptr) {
    return InvalidArgument(
        fmt::format("'{}' must be second, minute, hour, day, week, month, quarter, year, or S, T, H, D, W, M, Q, Y, "
                    "not '{}'",
                    object.Path("frequency"), *frequency),
        object.Path("frequency"));
  }
  input.frequency = std::move(*frequency);
  if (Status values = ParseValues(object, input, series.question.candles); !values) return values;
  const auto start = ParseStart(object);
  if (!start) return std::unexpected(start.error());
  std::vector<Timestamp> times;
  const std::string path_of_series = object.Path("series");
  const std::int64_t count = std::ssize(series.question.candles);
  for (std::int64_t i = 0; i < count + horizon; ++i) {
    (i < count ? times : series.future).push_back(After(*start, *step, i));
    if ((i < count ? times : series.future).back().wall_us > forecast::kLastTimestampUs) {
      return InvalidArgument(fmt::format("'{}' reaches beyond the year 2262", path_of_series), path_of_series);
    }
  }
  series.question.times = ForecastTimesOf(times, series.future);
  return {};
}

void WriteColumns(JsonWriter& json, const TimeSeriesInput& input, const std::vector<Candle>& candles) {
  json.BeginArray();
  for (const Candle& candle : candles) {
    if (!input.is_multivariate) {
      json.Float(static_cast<float>(candle[forecast::kClose]));
      continue;
    }
    json.BeginArray();
    for (std::size_t column = 0; column < input.columns; ++column) json.Float(static_cast<float>(candle[column]));
    json.EndArray();
  }
  json.EndArray();
}

void WriteOutput(JsonWriter& json, const TimeSeriesInput& input, const ForecastSeries& series,
                 const forecast::SeriesForecast& forecast) {
  json.BeginObject().Key("type").String("time_series_forecast").Key("id").String("ts_" + NewTraceId());
  json.Key("status").String("completed").Key("content").BeginArray().BeginObject().Key("type");
  json.String(input.is_multivariate ? "multivariate_time_series" : "univariate_time_series");
  json.Key("name").String(input.name).Key("mean_forecast");
  WriteColumns(json, input, forecast.mean);
  json.Key("frequency").String(input.frequency).Key("start_timestamp").String(FormatTimestamp(series.future[0]));
  json.Key("quantiles");
  if (series.quantiles.empty()) {
    json.Null();
  } else {
    json.BeginObject();
    for (const auto& [name, quantile] : series.quantiles) {
      json.Key(name);
      WriteColumns(json, input, forecast::QuantileOf(forecast.samples, quantile));
    }
    json.EndObject();
  }
  json.EndObject().EndArray().Key("error").Null();
  json.Key("seed").Int(static_cast<std::int64_t>(series.question.seed)).EndObject();
}

}  // namespace

Result<ForecastBody> ParseForecast(std::string_view text) {
  static const std::vector<std::string> known = With({"model", "series", "stream"});
  const auto object = ParseJsonObject(text);
  if (!object) return std::unexpected(object.error());
  if (Status fields = object->OnlyKnown(known); !fields) return Forward(fields);
  ForecastBody body;
  auto model = object->FindString("model");
  if (!model) return Forward(model);
  body.model = std::move(*model);
  const auto streams = object->FindBool("stream");
  if (!streams) return std::unexpected(streams.error());
  body.streams = streams->value_or(false);
  ForecastSeries common;
  common.question.seed = forecast::NewSeed();
  std::optional<std::int64_t> horizon;
  if (Status read = ParseCommon(*object, common, horizon); !read) return Forward(read);
  const auto list = object->RequireArray("series");
  if (!list) return std::unexpected(list.error());
  for (const JsonElement element : *list) {
    const std::string path = Indexed("series", body.series.size());
    const auto fields = JsonObject::From(element, path);
    if (!fields) return std::unexpected(fields.error());
    common.question.path = path;
    auto series = ParseOne(*fields, common, horizon);
    if (!series) return Forward(series);
    body.series.push_back(std::move(*series));
    if (body.series.size() > kMostSeries) {
      return InvalidArgument(fmt::format("'series' must hold at most {} series", kMostSeries), "series");
    }
  }
  if (body.series.empty()) return InvalidArgument("'series' must hold at least one series", "series");
  return body;
}

std::string WriteForecast(const std::string& model, const std::vector<ForecastSeries>& series,
                          const forecast::ForecastAnswer& answer) {
  JsonWriter json;
  json.BeginObject().Key("model").String(model).Key("version").String(answer.version).Key("forecasts").BeginArray();
  for (std::size_t i = 0; i < series.size(); ++i) WriteSeries(json, series[i], answer.series[i]);
  return json.EndArray().EndObject().Take();
}

std::string WriteDrawnCandle(const std::vector<ForecastSeries>& series, std::size_t index,
                             const forecast::CandlePlace& place, const Candle& candle) {
  JsonWriter json;
  json.BeginObject().Key("series").Int(static_cast<std::int64_t>(index));
  WriteId(json, series[index]);
  json.Key("sample").Int(place.sample).Key("step").Int(place.step).Key("candle");
  WriteCandle(json, series[index].future[place.step], candle);
  return json.EndObject().Take();
}

Result<TimeSeriesBody> ParseTimeSeries(std::string_view text) {
  const auto object = ParseJsonObject(text);
  if (!object) return std::unexpected(object.error());
  TimeSeriesBody body;
  auto model = object->RequireString("model");
  if (!model) return Forward(model);
  body.model = std::move(*model);
  const auto options = object->FindObject("options");
  if (!options) return std::unexpected(options.error());
  if (!*options) return InvalidArgument("'options' is missing", "options");
  ForecastSeries common;
  common.question.seed = forecast::NewSeed();
  std::optional<std::int64_t> horizon;
  if (Status read = ParseCommon(**options, common, horizon); !read) return Forward(read);
  if (!horizon) return InvalidArgument("'options.horizon' is missing", "options.horizon");
  const auto list = object->RequireArray("inputs");
  if (!list) return std::unexpected(list.error());
  // More than any model can, and times are reckoned for each before it says so.
  if (*horizon > 10'000) return InvalidArgument("'options.horizon' must be at most 10000", "options.horizon");
  for (const JsonElement element : *list) {
    const std::string path = Indexed("inputs", body.inputs.size());
    const auto fields = JsonObject::From(element, path);
    if (!fields) return std::unexpected(fields.error());
    TimeSeriesInput input;
    ForecastSeries series = common;
    series.question.path = path;
    if (Status read = ParseTimeSeriesInput(*fields, *horizon, input, series); !read) return Forward(read);
    body.inputs.push_back(std::move(input));
    body.series.push_back(std::move(series));
    if (body.inputs.size() > kMostSeries) {
      return InvalidArgument(fmt::format("'inputs' must hold at most {} series", kMostSeries), "inputs");
    }
  }
  if (body.inputs.empty()) return InvalidArgument("'inputs' must hold at least one series", "inputs");
  return body;
}

std::string WriteTimeSeries(const TimeSeriesBody& body, const forecast::ForecastAnswer& answer) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::int64_t read = 0;
  std::int64_t drawn = 0;
  JsonWriter json;
  json.BeginObject().Key("id").String("resp_" + NewTraceId());
  json.Key("created_at").Int(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  json.Key("status").String("completed").Key("error").Null().Key("model").String(body.model);
  json.Key("outputs").BeginArray();
  for (std::size_t i = 0; i < body.inputs.size(); ++i) {
    const ForecastSeries& series = body.series[i];
    WriteOutput(json, body.inputs[i], series, answer.series[i]);
    read += std::ssize(series.question.times.history);
    drawn += std::ssize(series.future) * series.question.samples;
  }
  json.EndArray().Key("usage").BeginObject().Key("prompt_tokens").Int(read).Key("completion_tokens").Int(drawn);
  return json.Key("total_tokens").Int(read + drawn).EndObject().EndObject().Take();
}

std::string WriteTimeSeriesModels(const std::vector<std::string>& names) {
  JsonWriter json;
  json.BeginArray();
  for (const std::string& name : names) json.String(name);
  return json.EndArray().Take();
}

}  // namespace weir::codec
