#include "forecast/forecast.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace weir::forecast {
namespace {

constexpr std::string_view kColumnNames[kColumns] = {"open", "high", "low", "close", "volume", "amount"};

Status CheckCandles(const std::vector<Candle>& candles) {
  for (std::size_t row = 0; row < candles.size(); ++row) {
    for (std::size_t column = 0; column < kColumns; ++column) {
      // Squares of what a model reads are 32-bit floats too.
      if (std::abs(candles[row][column]) <= 1e18) continue;
      const std::string field = fmt::format("candles[{}].{}", row, kColumnNames[column]);
      return Fail(Code::kUnprocessable, fmt::format("'{}' must be a number within 1e18", field), field);
    }
  }
  return {};
}

}  // namespace

Status CheckForecast(const ForecastRequest& request, const KronosManifest& manifest) {
  const auto refuse = [](const char* field, std::string message) {
    return Fail(Code::kUnprocessable, std::move(message), field);
  };
  const auto history = static_cast<std::int64_t>(request.candles.size());
  if (history < 1 || history > manifest.max_candles) {
    return refuse("candles",
                  fmt::format("'candles' must hold 1 to {} candles, it holds {}", manifest.max_candles, history));
  }
  if (request.stamps.size() != request.candles.size()) {
    return refuse("timestamps", fmt::format("there are {} candles and {} timestamps", history, request.stamps.size()));
  }
  const auto horizon = static_cast<std::int64_t>(request.future.size());
  if (horizon < 1 || horizon > manifest.max_context) {
    return refuse("pred_len",
                  fmt::format("1 to {} candles can be forecast, which is the model's context; asked for are {}",
                              manifest.max_context, horizon));
  }
  const Sampling& sampling = request.sampling;
  if (!(sampling.temperature > 0) || !std::isfinite(sampling.temperature)) {
    return refuse("temperature", "'temperature' must be a number above 0");
  }
  if (std::isnan(sampling.top_p)) return refuse("top_p", "'top_p' must be a number");
  if (request.samples < 1 || request.samples > kMostSamples) {
    return refuse("sample_count", fmt::format("'sample_count' must be from 1 to {}", kMostSamples));
  }
  return CheckCandles(request.candles);
}

}  // namespace weir::forecast
