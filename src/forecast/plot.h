// A picture of a forecast: people look at one before they read it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "forecast/candle.h"

namespace weir::forecast {

// What is drawn, from left to right. The lists of a pair are of the same length.
struct PlotData {
  std::string title;
  std::span<const Timestamp> times;  // of the history, at least one
  std::span<const Candle> candles;
  std::span<const Timestamp> future;  // at least one
  std::span<const Candle> mean;
  std::span<const std::vector<Candle>> samples;  // more than one: a band is drawn, in which four fifths of them close
};

// An SVG document: the last candles of the history, those to come, the band. Source: W3C, Scalable Vector Graphics 1.1.
std::string DrawForecast(const PlotData& data);

}  // namespace weir::forecast
