// The only file that knows libcsv.
#include "dataset/csv_splitter.h"

#include <csv.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/nearest.h"

namespace weir::dataset {
namespace {

// The library reads a byte order mark as part of the first field.
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Feeds libcsv and gathers the wanted column of each row.
class CsvSplitter final : public Splitter {
 public:
  explicit CsvSplitter(const SplitOptions& options) : options_(options) {
    csv_init(&parser_, 0);
    csv_set_delim(&parser_, static_cast<unsigned char>(options.delimiter));
    // RFC 4180: spaces belong to the field.
    csv_set_space_func(&parser_, [](unsigned char) { return 0; });
    if (!options_.header) problem_ = ReadNumber();
  }
  ~CsvSplitter() override { csv_free(&parser_); }
  CsvSplitter(const CsvSplitter&) = delete;
  CsvSplitter& operator=(const CsvSplitter&) = delete;

  Status Feed(std::string_view bytes, std::vector<Item>& items) override {
    if (begin_.size() < kByteOrderMark.size()) {  // until it is known whether there is a mark
      const std::size_t missing = std::min(bytes.size(), kByteOrderMark.size() - begin_.size());
      begin_ += bytes.substr(0, missing);
      bytes.remove_prefix(missing);
      if (begin_.size() < kByteOrderMark.size()) return {};
      if (begin_ != kByteOrderMark) Parse(begin_, items);
    }
    Parse(bytes, items);
    if (problem_ && csv_get_buffer_size(&parser_) > 2 * options_.longest + kSlack) {
      problem_ = Fail(Code::kTooLarge, fmt::format("the field that begins in row {} has more than {} bytes; is a quote "
                                                   "not closed?",
                                                   rows_ + 1, options_.longest));
    }
    return problem_;
  }

  Status End(std::vector<Item>& items) override {
    if (begin_.size() < kByteOrderMark.size()) Parse(begin_, items);
    items_ = &items;
    csv_set_opts(&parser_, CSV_STRICT | CSV_STRICT_FINI);  // the first is too strict for what comes before the end
    const bool whole = csv_fini(&parser_, OnField, OnRow, this) == 0;
    if (whole || !problem_) return problem_;
    const std::string why = fmt::format("the quote that opens in row {} is never closed", rows_ + 1);
    if (options_.header && rows_ == 0) return InvalidArgument(why);
    items.push_back({"", Error{Code::kInvalidArgument, why}});
    return {};
  }

 private:
  // What the library's buffer may have beyond the field in it.
  static constexpr std::size_t kSlack = 1024;

  static void OnField(void* bytes, std::size_t size, void* self) {
    static_cast<CsvSplitter*>(self)->Field({static_cast<const char*>(bytes), size});
  }
  static void OnRow(int /*end*/, void* self) { static_cast<CsvSplitter*>(self)->Row(); }

  void Parse(std::string_view bytes, std::vector<Item>& items) {
    items_ = &items;
    if (!problem_) return;
    if (csv_parse(&parser_, bytes.data(), bytes.size(), OnField, OnRow, this) != bytes.size()) {
      problem_ = Fail(Code::kUnavailable, fmt::format("row {}: {}", rows_ + 1, csv_strerror(csv_error(&parser_))));
    }
  }

  void Field(std::string_view text) {
    if (options_.header && rows_ == 0) {
      names_.emplace_back(text);
    } else if (fields_ == column_) {
      text_ = text;
    }
    ++fields_;
  }

  void Row() {
    const std::size_t fields = std::exchange(fields_, 0);
    if (options_.header && rows_++ == 0) {
      if (problem_) problem_ = FindColumn();
      return;
    }
    rows_ += options_.header ? 0 : 1;
    if (!problem_) return;
    if (fields <= column_) {
      items_->push_back(
          {"", Error{Code::kInvalidArgument,
                     fmt::format("the row has {} columns, the text is in column {}", fields, column_ + 1)}});
    } else if (text_.size() > options_.longest) {
      items_->push_back({"", Error{Code::kTooLarge, fmt::format("the field has {} bytes, the limit is {}", text_.size(),
                                                                options_.longest)}});
    } else {
      items_->push_back({std::move(text_)});
    }
    text_ = {};
  }

  Status FindColumn() {
    const auto found = std::ranges::find(names_, options_.column);
    if (found == names_.end()) {
      return InvalidArgument(fmt::format("there is no column '{}'{}; there are: {}", options_.column,
                                         DidYouMean(options_.column, names_), fmt::join(names_, ", ")));
    }
    column_ = static_cast<std::size_t>(found - names_.begin());
    return {};
  }

  Status ReadNumber() {
    const std::string& text = options_.column;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), column_);
    if (error != std::errc() || end != text.data() + text.size() || column_ == 0) {
      return InvalidArgument(fmt::format("without a header a column is named by its number, from 1, not '{}'", text));
    }
    --column_;
    return {};
  }

  const SplitOptions options_;
  csv_parser parser_{};
  std::string begin_;
  std::vector<Item>* items_ = nullptr;  // of the present call
  std::vector<std::string> names_;
  std::size_t column_ = 0;
  std::size_t rows_ = 0;    // finished, the header too
  std::size_t fields_ = 0;  // of the present row
  std::string text_;        // the wanted column of the present row
  Status problem_;
};

}  // namespace

std::unique_ptr<Splitter> MakeCsvSplitter(const SplitOptions& options) {
  return std::make_unique<CsvSplitter>(options);
}

std::string CsvQuoted(std::string_view text) {
  std::string quoted(csv_write(nullptr, 0, text.data(), text.size()), '\0');
  csv_write(quoted.data(), quoted.size(), text.data(), text.size());
  return quoted;
}

}  // namespace weir::dataset
