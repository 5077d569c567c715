// From the bytes of a file to the texts in it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::dataset {

enum class InputFormat { kLines, kJsonl, kCsv };

// One text of the input, or why there is none at its place. Value type.
struct Item {
  std::string text;
  std::optional<Error> error = {};
};

struct SplitOptions {
  InputFormat format = InputFormat::kLines;
  std::string field = "text";                   // kJsonl: member of each object that holds the text
  std::string column = "text";                  // kCsv: name in the header; without a header its number, from 1
  bool header = true;                           // kCsv: the first row names the columns
  char delimiter = ',';                         // kCsv
  std::size_t longest = std::size_t{16} << 20;  // bytes of a line or a field; what is longer is an error
};

// Cuts one file into items, fed block by block: it keeps the unfinished item only. Confined to one thread.
// An error that Feed or End returns is about the file as a whole; what is wrong with one item is in the item.
class Splitter {
 public:
  virtual ~Splitter() = default;
  virtual Status Feed(std::string_view bytes, std::vector<Item>& items) = 0;
  virtual Status End(std::vector<Item>& items) = 0;
};

// kLines: one text for each line, without its LF or CRLF. kJsonl: a JSON value for each line, an object with the
// field or a string. kCsv: RFC 4180, also with line breaks inside quotes; empty rows are skipped. A byte order
// mark at the beginning is skipped.
std::unique_ptr<Splitter> MakeSplitter(const SplitOptions& options);

}  // namespace weir::dataset
