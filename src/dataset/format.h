// How answers are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/tensor.h"
#include "text/pooling.h"

namespace weir::dataset {

enum class OutputFormat { kNdjson, kCsv, kNpy };

// The answer to one item: a vector, labels (best first), or why there is none.
using Answer = std::variant<Tensor, std::vector<ScoredLabel>, Error>;

// What the output is about, known before the first answer. Value type.
struct OutputShape {
  std::size_t width = 0;            // floats in a vector; 0 for labels
  std::vector<std::string> labels;  // in the model's order; empty for vectors
  std::size_t top_k = 0;            // labels in an answer; 0 = all
};

// Turns answers into bytes. Immutable.
class Format {
 public:
  virtual ~Format() = default;
  // What stands before the first of `rows` answers. Its length does not depend on `rows`; `rows_in_head` says
  // whether its bytes do.
  virtual std::string Head(std::uint64_t rows) const = 0;
  virtual bool rows_in_head() const { return false; }
  virtual void Append(std::uint64_t index, const Answer& answer, std::string& out) const = 0;
};

// kNdjson: one object for each answer, with the members of the HTTP body's "data": {"index":0,"labels":[…]},
// {"index":0,"embedding":[…]}, or {"index":0,"error":{"code":…,"message":…}}.
// kCsv: index, then label and score of the best one and (for all labels) the score of each; or e0, e1, …; then error.
// kNpy: a float32 array [rows, width]; a row of NaN where there is an error. Needs vectors.
// kInvalidArgument when the format cannot hold this.
Result<std::unique_ptr<const Format>> MakeFormat(OutputFormat format, OutputShape shape);

}  // namespace weir::dataset
