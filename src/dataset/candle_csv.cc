#include "dataset/candle_csv.h"

#include <csv.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "base/nearest.h"
#include "folder/json_file.h"

namespace weir::dataset {
namespace {

using forecast::Candle;
using forecast::Column;
using forecast::kColumns;

constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 30U;
constexpr std::array<std::string_view, kColumns> kNames = {"open", "high", "low", "close", "volume", "amount"};
constexpr std::string_view kTimeNames[] = {"timestamps", "timestamp", "datetime", "date", "time"};
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// Feeds libcsv with all of a file, and makes a candle of each row.
class Parser {
 public:
  Parser() { csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL); }
  ~Parser() { csv_free(&parser_); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  Result<CandleTable> Parse(std::string_view csv) {
    if (csv.starts_with(kByteOrderMark)) csv.remove_prefix(kByteOrderMark.size());
    const bool is_whole = csv_parse(&parser_, csv.data(), csv.size(), OnField, OnRow, this) == csv.size() &&
                          csv_fini(&parser_, OnField, OnRow, this) == 0;
    if (problem_ && !is_whole) {
      problem_ = InvalidArgument(fmt::format("row {}: a quote stands where none may, or is not closed", rows_ + 1));
    }
    if (problem_ && table_.candles.empty()) problem_ = InvalidArgument("there are no candles in it");
    if (!problem_) return Forward(problem_);
    return std::move(table_);
  }

 private:
  static void OnField(void* bytes, std::size_t size, void* self) {
    static_cast<Parser*>(self)->fields_.emplace_back(static_cast<const char*>(bytes), size);
  }
  static void OnRow(int /*end*/, void* self) { static_cast<Parser*>(self)->Row(); }

  void Row() {
    const std::vector<std::string> fields = std::exchange(fields_, {});
    ++rows_;
    if (!problem_) return;
    problem_ = rows_ == 1 ? ReadHeader(fields) : ReadRow(fields);
  }

  Status ReadHeader(const std::vector<std::string>& fields) {
    names_ = fields;
    std::vector<std::string> lower;
    for (const std::string& field : fields) lower.push_back(LowerCase(field));
    const auto place = [&](std::string_view name) -> std::optional<std::size_t> {
      const auto found = std::ranges::find(lower, name);
      if (found == lower.end()) return std::nullopt;
      return static_cast<std::size_t>(found - lower.begin());
    };
    for (std::size_t column = 0; column < kColumns; ++column) {
      places_[column] = place(kNames[column]);
      if (places_[column] || column >= Column::kVolume) continue;
      return InvalidArgument(fmt::format("there is no column '{}'{}; there are: {}", kNames[column],
                                         DidYouMean(kNames[column], lower), fmt::join(fields, ", ")));
    }
    for (const std::string_view name : kTimeNames) {
      if (!time_) time_ = place(name);
    }
    if (time_) return {};
    return InvalidArgument(fmt::format("there is no column of times ({}); there are: {}", fmt::join(kTimeNames, ", "),
                                       fmt::join(fields, ", ")));
  }

  Status ReadRow(const std::vector<std::string>& fields) {
    if (fields.size() != names_.size()) {
      return InvalidArgument(fmt::format("row {} has {} fields, the header {}", rows_, fields.size(), names_.size()));
    }
    const auto wrong = [&](std::size_t place, std::string_view why) {
      return InvalidArgument(fmt::format("row {}, column '{}': '{}' {}", rows_, names_[place], fields[place], why));
    };
    const auto time = forecast::ParseTimestamp(fields[*time_]);
    if (!time) return wrong(*time_, time.error().message);
    if (!table_.times.empty() && time->utc_us() <= table_.times.back().utc_us()) {
      return wrong(*time_, "is not after the time of the row before it");
    }
    Candle candle{};
    for (std::size_t column = 0; column < kColumns; ++column) {
      if (!places_[column]) continue;
      const std::string& text = fields[*places_[column]];
      const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), candle[column]);
      if (failure != std::errc() || end != text.data() + text.size() || !std::isfinite(candle[column])) {
        return wrong(*places_[column], "is not a number");
      }
    }
    const double price =
        (candle[Column::kOpen] + candle[Column::kHigh] + candle[Column::kLow] + candle[Column::kClose]) / 4;
    if (!places_[Column::kVolume]) candle[Column::kAmount] = 0;
    if (places_[Column::kVolume] && !places_[Column::kAmount])
      candle[Column::kAmount] = candle[Column::kVolume] * price;
    table_.times.push_back(*time);
    table_.candles.push_back(candle);
    return {};
  }

  csv_parser parser_{};
  std::vector<std::string> fields_;  // of the present row
  std::size_t rows_ = 0;             // begun, the header too
  std::vector<std::string> names_;
  std::array<std::optional<std::size_t>, kColumns> places_;
  std::optional<std::size_t> time_;
  CandleTable table_;
  Status problem_;
};

}  // namespace

Result<CandleTable> ParseCandles(std::string_view csv) { return Parser().Parse(csv); }

Result<CandleTable> ReadCandles(const std::filesystem::path& file) {
  auto bytes = ReadFolderFile(file, kMostBytes);
  if (!bytes) return Forward(bytes);
  if (!*bytes) return Fail(Code::kNotFound, fmt::format("there is no file {}", file.string()));
  auto table = ParseCandles(**bytes);
  if (!table) table.error().message = fmt::format("{}: {}", file.string(), table.error().message);
  return table;
}

std::string WriteCandles(const CandleTable& table) {
  std::string csv = fmt::format("timestamps,{}\n", fmt::join(kNames, ","));
  for (std::size_t row = 0; row < table.candles.size(); ++row) {
    csv += forecast::FormatTimestamp(table.times[row]);
    // What a model gives are 32-bit floats: their shortest form.
    for (const double value : table.candles[row]) csv += fmt::format(",{}", static_cast<float>(value));
    csv += '\n';
  }
  return csv;
}

}  // namespace weir::dataset
