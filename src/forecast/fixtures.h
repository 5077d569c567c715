// What the original model gave, for tests: tests/kronos.
#pragma once

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "base/test_paths.h"
#include "folder/json_file.h"
#include "forecast/candle.h"

namespace weir::forecast {

inline JsonFile Fixture(const std::string& name) {
  auto file = JsonFile::Read(SourceDir() / "tests/kronos" / name);
  if (!file || !*file) throw std::runtime_error("tests/kronos/" + name + " cannot be read");
  return std::move(**file);
}

inline std::vector<float> Floats(const JsonValue& list) {
  std::vector<float> values;
  for (const JsonValue& item : list.Items()) values.push_back(static_cast<float>(item.Number().value()));
  return values;
}

inline std::vector<std::int64_t> Wholes(const JsonValue& list) {
  std::vector<std::int64_t> values;
  for (const JsonValue& item : list.Items()) values.push_back(item.Whole().value());
  return values;
}

inline std::vector<Candle> Candles(const JsonValue& list) {
  std::vector<Candle> candles;
  for (const JsonValue& row : list.Items()) {
    const auto values = row.Items();
    Candle candle{};
    for (std::size_t column = 0; column < kColumns; ++column) candle[column] = values[column].Number().value();
    candles.push_back(candle);
  }
  return candles;
}

inline std::vector<Timestamp> Times(const JsonValue& list) {
  std::vector<Timestamp> times;
  for (const JsonValue& item : list.Items()) times.push_back(ParseTimestamp(item.Text().value()).value());
  return times;
}

}  // namespace weir::forecast
