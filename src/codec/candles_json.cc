#include "codec/candles_json.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "base/ids.h"
#include "base/machine_use.h"
#include "base/version.h"
#include "codec/error.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"

namespace weir::codec {
namespace {

constexpr double kFullMemory = 90;  // percent, from which on the service says that it is degraded

// Wrong sums of candles and times, before anything is said of a single one.
Status CheckSizes(const JsonObject& object, const CandleItem& item, std::size_t times) {
  const std::size_t candles = item.question.candles.size();
  if (candles > kMostCandles) {
    return InvalidArgument(
        fmt::format("'{}' must hold 1 to {} candles, it holds {}", object.Path("candles"), kMostCandles, candles),
        object.Path("candles"));
  }
  if (candles != times) {
    return InvalidArgument(
        fmt::format("candles and timestamps length mismatch: {} candles but {} timestamps", candles, times),
        object.Path("timestamps"));
  }
  if (item.future.size() > kMostPredictions) {
    return InvalidArgument(fmt::format("'{}' must hold 1 to {} times, it holds {}",
                                       object.Path("prediction_timestamps"), kMostPredictions, item.future.size()),
                           object.Path("prediction_timestamps"));
  }
  return {};
}

Status ParseOverrides(const JsonObject& object, CandleItem& item) {
  const auto overrides = object.FindObject("overrides");
  if (!overrides) return std::unexpected(overrides.error());
  if (!*overrides) return {};
  if (Status read = ParseSampling(**overrides, item.question); !read) return read;
  const auto steps = (*overrides)->FindInt("pred_len", 1, kMostPredictions);
  if (!steps) return std::unexpected(steps.error());
  if (!*steps || static_cast<std::size_t>(**steps) == item.future.size()) return {};
  const std::string path = (*overrides)->Path("pred_len");
  return InvalidArgument(
      fmt::format("'{}' is {}, but there are {} prediction_timestamps: leave it out, or send as many", path, **steps,
                  item.future.size()),
      path);
}

// All but the series_id.
Status ParseSeries(const JsonObject& object, bool in_list, CandleItem& item) {
  auto candles = ParseCandles(object);
  if (!candles) return Forward(candles);
  item.question.candles = std::move(*candles);
  const auto times = ParseTimes(object, "timestamps");
  if (!times) return std::unexpected(times.error());
  auto future = ParseTimes(object, "prediction_timestamps");
  if (!future) return Forward(future);
  item.future = std::move(*future);
  if (Status sizes = CheckSizes(object, item, times->size()); !sizes) return sizes;
  if (Status ascend = CheckTimes(object, *times, item.future, in_list); !ascend) return ascend;
  item.question.times = ForecastTimesOf(*times, item.future);
  return ParseOverrides(object, item);
}

CandleItem NewItem(const ForecastDefaults& defaults) {
  CandleItem item;
  item.question.sampling = defaults.sampling;
  item.question.samples = defaults.samples;
  item.question.seed = forecast::NewSeed();
  return item;
}

void WriteItem(JsonWriter& json, const CandleItem& item, const forecast::SeriesForecast& forecast) {
  json.BeginObject().Key("series_id");
  if (item.series_id) {
    json.String(*item.series_id);
  } else {
    json.Null();
  }
  json.Key("prediction").BeginArray();
  for (std::size_t i = 0; i < item.future.size(); ++i) WriteCandle(json, item.future[i], forecast.mean[i]);
  json.EndArray().Key("model_version").Null().Key("tokenizer_version").Null();
  json.Key("seed").Int(static_cast<std::int64_t>(item.question.seed)).EndObject();
}

std::string_view Reason(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 409: return "Conflict";
    case 413: return "Payload Too Large";
    case 422: return "Unprocessable Entity";
    case 429: return "Too Many Requests";
    case 499: return "Client Closed Request";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Internal Server Error";
  }
}

// "items[2].candles[0].open" as ["body","items",2,"candles",0,"open"].
void WriteLocation(JsonWriter& json, std::string_view field) {
  json.BeginArray().String("body");
  while (!field.empty()) {
    const std::size_t end = std::min(field.find_first_of(".[]"), field.size());
    const std::string_view part = field.substr(0, end);
    std::int64_t index = 0;
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    if (!part.empty() && error == std::errc() && stop == part.data() + part.size()) {
      json.Int(index);
    } else if (!part.empty()) {
      json.String(part);
    }
    field.remove_prefix(std::min(end + 1, field.size()));
  }
  json.EndArray();
}

}  // namespace

Result<CandleItem> ParseCandleItem(std::string_view body, const ForecastDefaults& defaults) {
  const auto object = ParseJsonObject(body);
  if (!object) return std::unexpected(object.error());
  CandleItem item = NewItem(defaults);
  auto id = object->FindString("series_id");
  if (!id) return Forward(id);
  item.series_id = std::move(*id);
  if (Status series = ParseSeries(*object, false, item); !series) return Forward(series);
  return item;
}

Result<std::vector<CandleItem>> ParseCandleItems(std::string_view body, const ForecastDefaults& defaults) {
  const auto object = ParseJsonObject(body);
  if (!object) return std::unexpected(object.error());
  const auto list = object->RequireArray("items");
  if (!list) return std::unexpected(list.error());
  std::vector<CandleItem> items;
  for (const JsonElement element : *list) {
    const std::string path = Indexed("items", items.size());
    const auto fields = JsonObject::From(element, path);
    if (!fields) return std::unexpected(fields.error());
    CandleItem item = NewItem(defaults);
    auto id = fields->RequireString("series_id");
    if (!id) return Forward(id);
    item.question.path = path;
    item.question.label = fmt::format("[{}] ", *id);
    item.series_id = std::move(*id);
    if (Status series = ParseSeries(*fields, true, item); !series) {
      series.error().message = item.question.label + series.error().message;
      return Forward(series);
    }
    items.push_back(std::move(item));
  }
  if (items.empty()) return InvalidArgument("'items' must hold at least one series", "items");
  return items;
}

std::string WriteCandleForecast(const CandleItem& item, const forecast::SeriesForecast& forecast) {
  JsonWriter json;
  WriteItem(json, item, forecast);
  return json.Take();
}

std::string WriteCandleForecasts(const std::vector<CandleItem>& items,
                                 const std::vector<forecast::SeriesForecast>& forecasts) {
  JsonWriter json;
  json.BeginArray();
  for (std::size_t i = 0; i < items.size(); ++i) WriteItem(json, items[i], forecasts[i]);
  return json.EndArray().Take();
}

int CandlesStatus(const Error& error) {
  switch (error.code) {
    case Code::kInvalidArgument:
    case Code::kUnprocessable: return 422;
    case Code::kNotFound: return 503;  // there is no model, which is not the caller's to name
    default: return HttpStatus(error.code);
  }
}

std::string CandlesError(const Error& error, const std::string& id) {
  const int status = CandlesStatus(error);
  const bool not_ready = status == 503;
  const std::string_view message = not_ready ? "Model not ready" : std::string_view(error.message);
  JsonWriter json;
  json.BeginObject().Key("error").String(Reason(status)).Key("message").String(message);
  json.Key("details").BeginObject();
  if (!error.field.empty()) json.Key("field").String(error.field);
  if (not_ready) json.Key("reason").String(error.message);
  if (!error.limit.empty()) json.Key("limit").String(error.limit);
  if (error.retry_after.count() > 0) json.Key("retry_after_ms").Int(error.retry_after.count());
  json.EndObject().Key("request_id").String(id).Key("timestamp").String(UtcNow()).Key("detail");
  if (status != 422) return json.String(message).EndObject().Take();
  json.BeginArray().BeginObject().Key("type").String("value_error").Key("loc");
  WriteLocation(json, error.field);
  return json.Key("msg").String(error.message).EndObject().EndArray().EndObject().Take();
}

std::string WriteCandlesRoot(const std::string& app_name) {
  JsonWriter json;
  return json.BeginObject().Key("message").String(app_name).EndObject().Take();
}

std::string WriteCandlesReady(const CandlesState& state) {
  const bool ready = state.reason.empty();
  JsonWriter json;
  json.BeginObject().Key("status").String(ready ? "ok" : "loading").Key("model_loaded").Bool(ready);
  json.Key("device").String(state.device).Key("device_warning");
  if (state.device_warning.empty()) {
    json.Null();
  } else {
    json.String(state.device_warning);
  }
  if (!ready) json.Key("reason").String(state.reason);
  return json.EndObject().Take();
}

std::string WriteCandlesHealth(const CandlesState& state) {
  constexpr double kMega = 1024.0 * 1024.0;
  constexpr double kGiga = 1024.0 * kMega;
  const MachineUse use = ReadMachineUse();
  const bool ready = state.reason.empty();
  const bool has_memory = use.memory_percent() < kFullMemory;
  const auto number = [](std::uint64_t bytes, double unit) { return static_cast<double>(bytes) / unit; };
  JsonWriter json;
  json.BeginObject().Key("status").String(ready && has_memory ? "healthy" : "degraded");
  json.Key("timestamp").String(UtcNow()).Key("uptime_seconds").Double(Seconds(state.uptime));
  json.Key("checks").BeginObject().Key("model").BeginObject();
  json.Key("status").String(ready ? "healthy" : "unhealthy").Key("loaded").Bool(ready).Key("version");
  if (state.model) {
    json.String(state.model->name);
  } else {
    json.Null();
  }
  json.EndObject().Key("memory").BeginObject().Key("status").String(has_memory ? "healthy" : "warning");
  json.Key("process_mb").Double(number(use.process_resident, kMega));
  json.Key("system_total_mb").Double(number(use.memory, kMega));
  json.Key("system_available_mb").Double(number(use.memory_available, kMega));
  json.Key("system_percent").Double(use.memory_percent()).EndObject();
  json.Key("disk").BeginObject().Key("status").String(use.disk_percent() < kFullMemory ? "healthy" : "warning");
  json.Key("total_gb").Double(number(use.disk, kGiga)).Key("free_gb").Double(number(use.disk_free, kGiga));
  return json.Key("percent").Double(use.disk_percent()).EndObject().EndObject().EndObject().Take();
}

}  // namespace weir::codec
