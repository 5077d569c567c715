// Candles from a CSV file, and back.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "forecast/candle.h"

namespace weir::dataset {

struct CandleTable {
  std::vector<forecast::Timestamp> times;  // ascending
  std::vector<forecast::Candle> candles;
};

// A row each, under a header with open, high, low and close, a time (timestamps, timestamp, datetime, date or time),
// and perhaps volume and amount; in any case and order, other columns are passed over. Without a volume both are 0;
// without an amount it is volume x mean of the prices, as the models were trained. The error names row and column.
// Blocks.
Result<CandleTable> ReadCandles(const std::filesystem::path& file);
// The same from the file's bytes.
Result<CandleTable> ParseCandles(std::string_view csv);

// With a header: timestamps, open, high, low, close, volume, amount.
std::string WriteCandles(const CandleTable& table);

}  // namespace weir::dataset
