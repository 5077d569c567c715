// Bodies of the candle forecasting service.
// Source: its clients' view of it; docs/candles.md lists what is answered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/candle_json.h"
#include "engine/model_status.h"
#include "forecast/forecast_service.h"

namespace weir::codec {

// One series as that service's clients ask for it.
struct CandleItem {
  std::optional<std::string> series_id;
  std::vector<forecast::Timestamp> future;
  forecast::SeriesQuestion question;
};

// Candles and steps that one series may have there, whatever the model takes.
inline constexpr std::size_t kMostCandles = 2048;
inline constexpr std::size_t kMostPredictions = 512;

Result<CandleItem> ParseCandleItem(std::string_view body, const ForecastDefaults& defaults);
// {"items": […]}: each with its series_id. They may differ in everything.
Result<std::vector<CandleItem>> ParseCandleItems(std::string_view body, const ForecastDefaults& defaults);

std::string WriteCandleForecast(const CandleItem& item, const forecast::SeriesForecast& forecast);
// A list in the order of the items.
std::string WriteCandleForecasts(const std::vector<CandleItem>& items,
                                 const std::vector<forecast::SeriesForecast>& forecasts);

// The status of an error there and its body: {"error":"Forbidden","message":…,"details":{…},"request_id":…,
// "timestamp":…}, and what clients of its frame read, "detail".
int CandlesStatus(const Error& error);
std::string CandlesError(const Error& error, const std::string& id);

// What is known of the service at one moment. Value type.
struct CandlesState {
  std::optional<ModelStatus> model;  // that it asks; none: there is none, or several
  std::string reason;                // why it cannot be asked; empty when it can
  std::string device = "cpu";
  std::string device_warning;
  Duration uptime{};
};
std::string WriteCandlesRoot(const std::string& app_name);
std::string WriteCandlesReady(const CandlesState& state);
// Blocks for a few small files.
std::string WriteCandlesHealth(const CandlesState& state);

}  // namespace weir::codec
