// Candles in a CSV file, with their times; what is read can be written and is read again as the same.
#include <cstdint>
#include <string_view>

#include "dataset/candle_csv.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view csv(reinterpret_cast<const char*>(data), size);
  const auto table = weir::dataset::ParseCandles(csv);
  if (!table) {
    if (table.error().message.empty()) __builtin_trap();
    return 0;
  }
  if (table->times.empty() || table->times.size() != table->candles.size()) __builtin_trap();
  for (const weir::forecast::Timestamp& time : table->times) {
    const weir::forecast::Stamp stamp = weir::forecast::StampOf(time);
    constexpr std::int64_t kMost[] = {59, 23, 6, 31, 12};
    for (std::size_t i = 0; i < stamp.size(); ++i) {
      if (stamp[i] < 0 || stamp[i] > kMost[i]) __builtin_trap();
    }
    const auto again = weir::forecast::ParseTimestamp(weir::forecast::FormatTimestamp(time));
    if (!again || *again != time) __builtin_trap();
  }
  return 0;
}
